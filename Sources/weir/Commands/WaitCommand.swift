internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// `weir wait`: returns when a pool has enough ready replicas; for deploy scripts.
struct WaitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a pool has that many ready replicas.",
        discussion: "Exits with 3 if it has not within the time.")

    @Argument(help: "The pool.")
    var pool: String

    @Option(help: ArgumentHelp("How many replicas must be ready.", valueName: "count"))
    var ready: Int

    @Option(help: ArgumentHelp("How long to wait at most, such as 60s.", valueName: "time"))
    var timeout = DurationArgument(milliseconds: 60_000)

    @Flag(help: "Print JSON, also when time is over.")
    var json = false

    @OptionGroup var admin: AdminOption

    private static let intervalMicroseconds: UInt32 = 100_000

    func validate() throws {
        guard ready >= 0 else {
            throw ValidationError("--ready \(ready): accepted is a count from 0 on")
        }
    }

    func run() throws {
        let deadline = Instant.now().adding(milliseconds: timeout.milliseconds)
        let client = admin.reader
        var seen = try look(client)
        while let waiting = seen, Instant.now() < deadline {
            if !json { Console.progress("\(pool): \(waiting), \(ready) wanted") }
            usleep(WaitCommand.intervalMicroseconds)
            seen = try look(client)
        }
        if !json { Console.progress("") }
        if json { Console.line(text(isReady: seen == nil)) }
        guard let seen else { return }
        throw CommandFailure(
            "waited for \(ready) ready replicas of \(pool): \(seen)", status: .timedOut)
    }

    private func text(isReady: Bool) -> String {
        let result: JSONValue = [
            "pool": .string(pool), "wanted": .count(ready), "done": .boolean(isReady),
        ]
        return result.text
    }

    /// What there is instead of enough ready replicas; nil when there are.
    private func look(_ client: AdminClient) throws -> String? {
        let report: StatusReport
        do throws(AdminError) {
            report = try client.status()
        } catch {
            // A weir that is starting does not answer yet: that, too, is worth waiting for.
            return error.description
        }
        guard let pool = report.pools.first(where: { $0.name == pool }) else {
            let names = report.pools.map(\.name).joined(separator: ", ")
            throw CommandFailure("there is no pool '\(pool)'; there are: \(names)")
        }
        return pool.ready >= ready ? nil : "\(pool.ready) are ready"
    }
}
