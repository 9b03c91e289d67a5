internal import Balancing
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Metrics
internal import Transport

/// A running weir: both planes, joined, and the signals of the process. Read `run` from top to
/// bottom; nothing starts anywhere else.
final class Program {
    /// The control plane's loop, which `run` turns.
    let loop: EventLoop
    private let signals: Signals
    private let descriptorsMaximum: Int
    private let executable = ThisProcess.executable(calledAs: CommandLine.arguments.first)

    /// Prepares the process; before any thread is made, since threads inherit which signals are
    /// blocked.
    init() throws(SystemError) {
        signals = try Signals([SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2])
        Signals.ignoreBrokenPipes()
        descriptorsMaximum = Machine.raiseDescriptorLimit()
        loop = try EventLoop()
    }

    /// Runs until a signal ends it.
    ///
    /// - Parameters:
    ///   - source: reads the configuration: now, and again at each reload.
    ///   - started: called once, when weir listens.
    /// - Throws: `ControlError` if the configuration is wrong or an address cannot be had, and
    ///   `SystemError` if the system lacks something that nothing works without.
    func run(
        source: @escaping () throws(ControlError) -> Configuration,
        started: () throws -> Void = {}
    ) throws {
        let predecessor = try ConfigurationSource.variable(Predecessor.variable).map {
            text throws(ControlError) in try Predecessor(text)
        }
        do {
            try run(source: source, after: predecessor, started: started)
        } catch {
            predecessor?.fail("\(error)")
            throw error
        }
    }

    private func run(
        source: @escaping () throws(ControlError) -> Configuration, after predecessor: Predecessor?,
        started: () throws -> Void
    ) throws {
        let configuration = try source()
        let inheritance = predecessor.map(Inheritance.init) ?? Program.activated()
        let log = StateLog(level: configuration.log.level, descriptor: Descriptor(STDERR_FILENO))

        var links = try Program.makeLinks(workers: configuration.workers ?? Machine.cpuCount)
        let traces = TraceOutput(configuration.tracing, workers: links.workers)
        links.spans = traces?.rings ?? []
        let workers = try WorkerGroup(
            counters: links.counters, board: links.board, observations: links.observations,
            wakeup: links.wakeup, accessLog: AccessLogTarget(configuration.log.access),
            logRules: AccessLogRules(configuration.log),
            inherited: Program.accessLog(of: configuration, inheritance), traces: traces)
        links.descriptorsMaximum = descriptorsMaximum
        links.publish = { workers.publish($0) }
        links.endedWorkers = { workers.endedCount }
        let control = ControlLoop(
            loop: loop, configuration: configuration, workers: links, log: log,
            inheritance: inheritance)
        control.source = source
        control.notices = ServiceNotices(
            process: ThisProcess.number, variable: ConfigurationSource.variable)
        // The town of a demo ends with its process.
        if CommandLine.arguments.dropFirst().first == "run" {
            control.program = successor(of: configuration, workers)
        }
        control.controller.version = Version.number

        try workers.start()
        try control.start()
        Program.announce(control.controller.status())
        try loop.watch(signals.descriptor, .readable) { [unowned self] _ in
            while let signal = signals.next() { Program.obey(signal, control, workers, log) }
        }
        try started()
        control.run()
        workers.join()
        loop.forgetAll()
    }

    private static func makeLinks(workers: Int) throws(SystemError) -> WorkerLinks {
        WorkerLinks(
            counters: (0..<workers).map { _ in WorkerCounters() },
            board: LoadBoard(
                workers: workers, replicaRowsMaximum: WorkerCounters.replicaRowsMaximum),
            observations: (0..<workers).map { _ in BoundedQueue(capacity: 4_096) },
            wakeup: try Wakeup())
    }

    /// What takes this process's place at an upgrade.
    private func successor(
        of configuration: Configuration, _ workers: WorkerGroup
    ) -> UpgradeDirector.Program {
        UpgradeDirector.Program(
            path: executable, arguments: CommandLine.arguments,
            environment: ConfigurationSource.variables(),
            accessLog: {
                guard case .file(let path) = configuration.log.access,
                    let file = workers.accessLogFile
                else { return nil }
                return (path, file)
            })
    }

    private static func activated() -> Inheritance {
        Inheritance(process: ThisProcess.number, variable: ConfigurationSource.variable)
    }

    private static func accessLog(
        of configuration: Configuration, _ inheritance: Inheritance
    ) -> Descriptor? {
        guard case .file(let path) = configuration.log.access else { return nil }
        return inheritance.accessLog(path)
    }

    private static func obey(
        _ signal: Int32, _ control: ControlLoop, _ workers: WorkerGroup, _ log: StateLog
    ) {
        switch signal {
        case SIGHUP: reload(control, log)
        case SIGUSR1: reopenAccessLog(workers, log)
        case SIGUSR2: control.beginUpgrade()
        default: control.beginShutdown()
        }
    }

    private static func reload(_ control: ControlLoop, _ log: StateLog) {
        do throws(ControlError) {
            try control.reload()
        } catch {
            // Each problem is in the log already.
            log.write(.debug, "SIGHUP: \(error.problems.count) problems; what ran before runs on")
        }
    }

    private static func reopenAccessLog(_ workers: WorkerGroup, _ log: StateLog) {
        do throws(SystemError) {
            try workers.reopenAccessLog()
        } catch {
            log.write(.error, "the access log goes on in its old file: \(error)")
        }
    }

    /// The one line of a start that went well.
    private static func announce(_ status: StatusReport) {
        let listeners = status.listeners.map { "\($0.bind) (\($0.name))" }.joined(separator: ", ")
        let threads = status.workers.count == 1 ? "1 worker" : "\(status.workers.count) workers"
        let milliseconds = StartTime.elapsedMilliseconds()
        Console.error("\(Version.line) listening on \(listeners) in \(milliseconds) ms, \(threads)")
    }
}

extension AccessLogRules {
    fileprivate init(_ log: LogConfiguration) {
        self.init()
        form = log.format == .combined ? .combined : .json
        tracing = log.hasTraceIDs ? .on : .off
        sharePerMillion = Int((log.sample * 1_000_000).rounded())
        slowNanoseconds = log.slowerThanMilliseconds.map { UInt64($0) * 1_000_000 }
    }
}

extension AccessLogTarget {
    fileprivate init(_ access: LogConfiguration.Access) {
        switch access {
        case .off: self = .off
        case .stdout: self = .stdout
        case .file(let path): self = .file(path)
        }
    }
}

extension TraceOutput {
    /// What a worker may have that the collector has not got yet.
    private static let ringBytes = 4 << 20

    fileprivate init?(_ tracing: TracingConfiguration, workers: Int) {
        guard tracing.endpoint != nil else { return nil }
        self.init(
            rings: (0..<workers).map { _ in ByteRing(capacity: TraceOutput.ringBytes) },
            share: tracing.sample)
    }
}
