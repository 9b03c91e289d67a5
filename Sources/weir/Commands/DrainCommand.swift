internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// `weir drain`: no new work for some replicas; what they do they may finish.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Give replicas no new work; what they have in flight may end.",
        discussion: """
            A replica is named by its container, by its address, or by both address and port. \
            --wait returns when nothing is in flight there any more; then the container can be \
            stopped without loss. Exits with 3 if that has not happened within --timeout: the \
            replicas stay drained.
            """)

    @Argument(help: "Container names or addresses.")
    var replicas: [String] = []

    @Option(help: ArgumentHelp("Only replicas of this pool.", valueName: "pool"))
    var pool: String?

    @Option(
        help: ArgumentHelp(
            "All of the pool that were discovered longer ago than this, such as 2m.",
            valueName: "time"))
    var olderThan: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "How long tunnels may go on. (default: what the pool's drain says)", valueName: "time"))
    var tunnels: DurationArgument?

    @Flag(help: "Return when nothing is in flight on them any more.")
    var wait = false

    @Option(help: ArgumentHelp("How long to wait at most.", valueName: "time"))
    var timeout = DurationArgument(milliseconds: 30_000)

    @Flag(help: "Drain the last ready replica of a pool as well: its requests will wait.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func validate() throws {
        if replicas.isEmpty, olderThan == nil {
            throw ValidationError("name a replica, or use --pool with --older-than")
        }
        if olderThan != nil, pool == nil {
            throw ValidationError("--older-than needs --pool")
        }
    }

    func run() throws {
        let client = try admin.client
        var report = try client.drain(
            replicas, pool: pool, olderThanMilliseconds: olderThan?.milliseconds,
            tunnelMilliseconds: tunnels?.milliseconds, isForced: force)
        var outcome = DrainWatch.Outcome.asked
        if wait {
            var watch = DrainWatch(report, client: client)
            outcome = try watch.wait(
                until: Instant.now().adding(milliseconds: timeout.milliseconds))
            report = watch.report
        }
        if json { Console.line(report.text) } else { say(report, outcome) }
        if outcome == .timedOut {
            throw CommandFailure(
                "drained, but not idle after \(timeout.milliseconds) ms:"
                    + " \(DrainWatch.text(of: report)); they stay drained",
                status: .timedOut)
        }
    }

    private func say(_ report: DrainReport, _ outcome: DrainWatch.Outcome) {
        if report.replicas.isEmpty { return Console.line("no replica is that old") }
        guard outcome != .timedOut else { return }
        for replica in report.replicas {
            let work = outcome == .idle ? "idle" : "\(replica.inFlight) in flight"
            Console.line("\(replica.pool): \(replica.name) \(replica.state), \(work)")
        }
    }
}

/// Looks again and again until nothing is in flight on drained replicas.
struct DrainWatch {
    enum Outcome { case asked, idle, timedOut }

    private(set) var report: DrainReport
    private let client: AdminClient

    private static let intervalMicroseconds: UInt32 = 50_000

    init(_ report: DrainReport, client: AdminClient) {
        self.report = report
        self.client = client
    }

    mutating func wait(until deadline: Instant) throws -> Outcome {
        while !report.replicas.isEmpty {
            let isIdle = try look()
            Console.progress("")
            if isIdle { return .idle }
            Console.progress("waiting for \(DrainWatch.text(of: report))")
            guard Instant.now() < deadline else {
                Console.progress("")
                return .timedOut
            }
            usleep(DrainWatch.intervalMicroseconds)
        }
        return .idle
    }

    /// True if no worker can begin anything on the replicas any more, and nothing goes on there.
    private mutating func look() throws -> Bool {
        let status = try client.status()
        for index in report.replicas.indices {
            let drained = report.replicas[index]
            guard let pool = status.pools.first(where: { $0.name == drained.pool }) else {
                throw CommandFailure(
                    "pool \(drained.pool) is not in the configuration any more; what is in flight"
                        + " on \(drained.name) cannot be told")
            }
            // Where the name was not known yet the address stood in for it.
            let now = pool.replicas.filter {
                $0.address == drained.address
                    && ($0.name == drained.name || drained.name == drained.address)
            }
            report.replicas[index].state = now.last?.state ?? "gone"
            report.replicas[index].inFlight = now.reduce(0) { $0 + $1.inFlight }
        }
        let isAdopted = status.workers.allSatisfy { $0.generation >= report.generation }
        return isAdopted && report.replicas.allSatisfy { $0.inFlight == 0 }
    }

    /// What is in flight, and where.
    static func text(of report: DrainReport) -> String {
        let busy = report.replicas.filter { $0.inFlight > 0 }
        guard !busy.isEmpty else { return "a worker that goes by the old snapshot" }
        return busy.map { "\($0.inFlight) in flight on \($0.name) of pool \($0.pool)" }
            .joined(separator: ", ")
    }
}
