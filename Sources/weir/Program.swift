internal import Balancing
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Metrics
internal import Transport

/// A running weir: both planes, joined, and the signals of the process. Read `run` from top to
/// bottom; nothing starts anywhere else.
enum Program {
    /// Runs until a signal ends it.
    ///
    /// - Parameters:
    ///   - source: reads the configuration: now, and again at each reload.
    ///   - started: called once, when weir listens.
    /// - Throws: `ControlError` if the configuration is wrong or an address cannot be had, and
    ///   `SystemError` if the system lacks something that nothing works without.
    static func run(
        source: @escaping () throws(ControlError) -> Configuration,
        started: (StatusReport) throws -> Void = { _ in }
    ) throws {
        // Before any thread is made: threads inherit which signals are blocked.
        let signals = try Signals([SIGHUP, SIGTERM, SIGINT, SIGUSR1])
        Signals.ignoreBrokenPipes()
        _ = Machine.raiseDescriptorLimit()
        let configuration = try source()
        let log = StateLog(level: configuration.log.level, descriptor: Descriptor(STDERR_FILENO))

        var links = try makeLinks(workers: configuration.workers ?? Machine.cpuCount)
        let workers = try WorkerGroup(
            counters: links.counters, board: links.board,
            observations: links.observations, wakeup: links.wakeup,
            accessLog: AccessLogTarget(configuration.log.access))
        links.publish = { workers.publish($0) }
        links.endedWorkers = { workers.endedCount }

        let loop = try EventLoop()
        let control = ControlLoop(
            loop: loop, configuration: configuration, workers: links, log: log)
        control.source = source
        try workers.start()
        try control.start()
        let status = control.controller.status()
        announce(status, workers: links.workers)
        try loop.watch(signals.descriptor, .readable) { _ in
            while let signal = signals.next() { obey(signal, control, workers) }
        }
        try started(status)
        control.run()
        workers.join()
    }

    private static func makeLinks(workers: Int) throws(SystemError) -> WorkerLinks {
        WorkerLinks(
            counters: (0..<workers).map { _ in WorkerCounters() },
            board: LoadBoard(
                workers: workers, replicaRowsMaximum: WorkerCounters.replicaRowsMaximum),
            observations: (0..<workers).map { _ in BoundedQueue(capacity: 4_096) },
            wakeup: try Wakeup())
    }

    private static func obey(_ signal: Int32, _ control: ControlLoop, _ workers: WorkerGroup) {
        switch signal {
        case SIGHUP:
            do throws(ControlError) {
                try control.reload()
            } catch {
                // Logged where it happened; what ran before runs on.
            }
        case SIGUSR1:
            do throws(SystemError) {
                try workers.reopenAccessLog()
            } catch {
                Console.error("the access log goes on in the old file: \(error)")
            }
        default: control.beginShutdown()
        }
    }

    /// The one line of a start that went well.
    private static func announce(_ status: StatusReport, workers: Int) {
        let listeners = status.listeners.map { "\($0.bind) (\($0.name))" }.joined(separator: ", ")
        let threads = workers == 1 ? "1 worker" : "\(workers) workers"
        let milliseconds = StartTime.elapsedMilliseconds()
        Console.error("\(Version.line) listening on \(listeners) in \(milliseconds) ms, \(threads)")
    }
}

extension AccessLogTarget {
    init(_ access: LogConfiguration.Access) {
        switch access {
        case .off: self = .off
        case .stdout: self = .stdout
        case .file(let path): self = .file(path)
        }
    }
}
