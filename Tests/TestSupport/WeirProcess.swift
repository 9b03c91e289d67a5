import Glibc
public import Transport

/// The real program, started with a configuration of a test.
///
/// It has a loopback address of its own: `web` listens on port 8080 there and the admin listener on
/// 9900. Where the test's configuration has no `listeners`, `admin`, `log` or `state`, they are
/// filled in.
public final class WeirProcess: Sendable {
    public let process: SpawnedProcess
    public let address: SocketAddress
    private let folder: TemporaryFolder
    /// The processes that took the place of the first one, in their order.
    private let successors = Guarded<[Int32]>([])

    public var admin: SocketAddress { address.withPort(9900) }
    public var socketPath: String { "\(folder.path)/admin.sock" }
    public var configurationPath: String { "\(folder.path)/weir.yaml" }

    /// Starts weir and waits until it says that it listens.
    ///
    /// - Parameters:
    ///   - workers: nil is what the configuration says.
    ///   - program: the file that is started, and that an upgrade starts again.
    ///   - environment: `NAME=value`.
    ///   - sockets: it gets them as descriptor 3 and on.
    public init(
        _ configuration: String, workers: Int? = 1, program: String = WeirProgram.path,
        address: SocketAddress = LoopbackAddress.unique(), environment: [String] = [],
        sockets: [Int32] = []
    ) throws {
        self.address = address
        folder = try TemporaryFolder()
        let file = "\(folder.path)/weir.yaml"
        let sections = WeirProcess.defaults(address, socket: "\(folder.path)/admin.sock")
        try TextFile.write(WeirProcess.complete(configuration, sections), to: file)
        process = try SpawnedProcess(
            program, ["run", "-c", file] + (workers.map { ["--workers", "\($0)"] } ?? []),
            output: "\(folder.path)/stdout", error: "\(folder.path)/stderr",
            environment: environment, sockets: sockets)
        try eventually(within: 10, "weir says that it listens: \(standardError)") {
            if process.hasEnded { throw NotInTime("weir ended at once: \(standardError)") }
            return standardError.contains(" ms, ")
        }
    }

    /// Replaces the configuration file; SIGHUP makes weir read it.
    public func rewrite(_ configuration: String) throws {
        let sections = WeirProcess.defaults(address, socket: socketPath)
        try TextFile.write(WeirProcess.complete(configuration, sections), to: configurationPath)
    }

    private static func defaults(_ address: SocketAddress, socket: String) -> [(String, String)] {
        [
            ("listeners", "listeners: { web: { bind: \"\(address)\" } }"),
            ("admin", "admin: { bind: \"\(address.withPort(9900))\", socket: \(socket) }"),
            ("log", "log: { access: stdout, level: info }"),
            ("state", "state: off"),
        ]
    }

    private static func complete(_ text: String, _ sections: [(String, String)]) -> String {
        let lines = text.split(separator: "\n")
        let missing = sections.filter { name, _ in
            !lines.contains { $0.hasPrefix("\(name):") }
        }
        return missing.map { $0.1 + "\n" }.joined() + text + "\n"
    }

    // MARK: What it says

    /// What it wrote to standard error so far.
    public var standardError: String { read("stderr") }

    /// The access log so far: one value per whole line.
    public func accessLog() throws -> [JSON] {
        let text = read("stdout")
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        return try lines.map { try JSON($0) }
    }

    private func read(_ name: String) -> String {
        do {
            return try TextFile.read("\(folder.path)/\(name)")
        } catch {
            return "(\(error))"
        }
    }

    /// Asks the admin listener.
    public func ask(_ target: String, method: String = "GET") throws -> WireMessage {
        let wire = try Wire(to: admin)
        defer { wire.close() }
        return try wire.roundTrip(
            request(
                "\(method) \(target)", "Host: localhost", "Content-Length: 0", "Connection: close")
        )
    }

    /// Runs a verb of the command line against this weir.
    public func run(_ arguments: String...) throws -> FinishedCommand {
        try WeirProgram.run(arguments + ["--admin", "unix:\(socketPath)"])
    }

    /// The state of each replica of `pool`, by its address.
    public func states(of pool: String) throws -> [String: String] {
        let status = try JSON(ask("/status").text)
        var states: [String: String] = [:]
        for replica in status["pools"].first("name", pool)["replicas"].array {
            states[replica["address"].string ?? "?"] = replica["state"].string
        }
        return states
    }

    /// Waits until exactly `count` replicas of `pool` are ready, and all workers know it.
    public func awaitReady(_ count: Int, in pool: String = "web") throws {
        var seen: [String: String] = [:]
        try eventually(within: 10, "\(count) replicas of \(pool) are ready: \(seen)") {
            seen = try states(of: pool)
            return seen.values.count { $0 == "ready" } == count
        }
        // What a report shows is published in the same turn of the loop, at the latest.
        try eventually(within: 10, "all workers go by what was reported") {
            let status = try JSON(ask("/status").text)
            let published = status["generation"].int
            return status["workers"].array.allSatisfy { $0["generation"].int == published }
        }
    }

    // MARK: Upgrades

    /// Runs `weir upgrade` and waits for its end.
    ///
    /// - Returns: the number of the process that serves now.
    @discardableResult
    public func upgrade() throws -> Int32 {
        let verb = try WeirProgram.run(
            ["upgrade", "--json", "--admin", "unix:\(socketPath)"], within: 30)
        guard verb.exitCode == 0, let number = try JSON(verb.output)["process"].int else {
            throw NotInTime("the upgrade failed: \(verb.error)")
        }
        successors.withLock { $0.append(Int32(number)) }
        return Int32(number)
    }

    /// The number of the process that serves now.
    public var servingProcess: Int32 { successors.withLock(\.last) ?? process.pid }

    /// The processes of this weir that still run. What no parent has taken yet does not count.
    public var runningProcesses: [Int32] {
        let all = successors.withLock { $0 } + (process.hasEnded ? [] : [process.pid])
        return all.filter(WeirProcess.runs)
    }

    private static func runs(_ number: Int32) -> Bool {
        do {
            let text = try TextFile.read("/proc/\(number)/stat")
            let state = text.split(separator: ")").last?.split(separator: " ").first
            return state.map { $0 != "Z" && $0 != "X" } ?? false
        } catch {
            return false
        }
    }

    /// Ends what serves now, and waits for that.
    public func endSuccessors(within seconds: Double = 10) throws {
        for number in successors.withLock({ $0 }) where WeirProcess.runs(number) {
            kill(number, SIGTERM)
        }
        try eventually(within: seconds, "the processes \(runningProcesses) have ended") {
            successors.withLock { $0 }.allSatisfy { !WeirProcess.runs($0) }
        }
    }

    // MARK: Its end

    /// Sends SIGTERM and waits for the end; weir promises to exit with 0.
    public func terminate(within seconds: Double = 10) throws -> Int32 {
        process.signal(SIGTERM)
        return try process.exitCode(within: seconds)
    }

    /// What a crash or a sanitizer left in standard error; nil if there is none.
    public var crashReport: String? {
        let text = standardError
        let marks = [
            "Sanitizer", "runtime error:", "Fatal error", "*** Program crashed",
            "Simultaneous accesses",
        ]
        return marks.contains { text.contains($0) } ? text : nil
    }

    /// Ends it, and takes its files away.
    public func remove() {
        process.kill()
        for number in successors.withLock({ $0 }) where WeirProcess.runs(number) {
            kill(number, SIGKILL)
        }
        folder.remove()
    }
}
