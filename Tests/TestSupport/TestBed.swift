public import Transport

/// Owns what one test starts: replicas, weirs, connections. All of it ends with the test, and every
/// weir must then have exited with 0 after SIGTERM, without a crash or a sanitizer's report.
public final class TestBed: Sendable {
    private let owned = Guarded(Owned())

    private struct Owned {
        var replicas: [ScriptedReplica] = []
        var weirs: [WeirProcess] = []
        var wires: [Wire] = []
    }

    /// Runs `body` with a fresh bed and clears it away. What weir said is added to an error.
    public static func run(_ body: (TestBed) throws -> Void) throws {
        let bed = TestBed()
        defer { bed.clear() }
        do {
            try body(bed)
        } catch {
            let said = bed.owned.withLock(\.weirs).map(\.standardError).joined()
            throw NotInTime("\(error)\nweir said:\n\(said.suffix(3000))")
        }
        try bed.endWeirs()
    }

    public func replica(_ script: @escaping ScriptedReplica.Script) throws -> ScriptedReplica {
        let replica = try ScriptedReplica(script)
        owned.withLock { $0.replicas.append(replica) }
        return replica
    }

    public func weir(
        _ configuration: String, workers: Int? = 1, program: String = WeirProgram.path
    ) throws -> WeirProcess {
        own(try WeirProcess(configuration, workers: workers, program: program))
    }

    /// Takes one that the test has started.
    @discardableResult
    public func own(_ weir: WeirProcess) -> WeirProcess {
        owned.withLock { $0.weirs.append(weir) }
        return weir
    }

    /// A weir with one pool `web` of these replicas, and every path routed there.
    public func weir(
        to replicas: ScriptedReplica..., pool: String = "", rest: String = ""
    ) throws -> WeirProcess {
        let addresses = replicas.map { "\"\($0.address)\"" }.joined(separator: ", ")
        return try weir(
            """
            routes: [{ pool: web }]
            pools:
              web:
                discover: [\(addresses)]
            \(pool.indented(by: 4))
            \(rest)
            """)
    }

    public func connect(to address: SocketAddress) throws -> Wire {
        let wire = try Wire(to: address)
        owned.withLock { $0.wires.append(wire) }
        return wire
    }

    public func connect(to weir: WeirProcess) throws -> Wire { try connect(to: weir.address) }

    private func endWeirs() throws {
        owned.withLock(\.wires).forEach { $0.close() }
        for weir in owned.withLock(\.weirs) {
            if let report = weir.crashReport { throw NotInTime("weir crashed:\n\(report)") }
            try weir.endSuccessors()
            let exitCode =
                weir.process.hasEnded
                ? try weir.process.exitCode() : try weir.terminate(within: 5)
            guard exitCode == 0, weir.crashReport == nil else {
                throw NotInTime("weir exited with \(exitCode):\n\(weir.standardError)")
            }
        }
    }

    private func clear() {
        let all = owned.withLock { $0 }
        all.wires.forEach { $0.close() }
        all.weirs.forEach { $0.remove() }
        all.replicas.forEach { $0.stop() }
    }
}

extension String {
    func indented(by spaces: Int) -> String {
        split(separator: "\n").map { String(repeating: " ", count: spaces) + $0 }
            .joined(separator: "\n")
    }
}
