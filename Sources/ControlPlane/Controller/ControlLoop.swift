internal import Transport

/// The thread of the control plane, in one object: the controller, the admin interface, and what
/// the workers report, around one event loop.
///
///     let control = try ControlLoop(loop: loop, configuration: …, workers: links, log: log)
///     control.source = { try read the file again }
///     try control.start()
///     try loop.watch(signals.descriptor, .readable) { … control.reload() … control.beginShutdown() }
///     control.run()          // until a shutdown has finished
public final class ControlLoop {
    public let controller: Controller
    private let loop: EventLoop
    private let workers: WorkerLinks
    private let log: StateLog
    /// Reads the configuration again, for `reload`; the default refuses.
    public var source: () throws(ControlError) -> Configuration = { () throws(ControlError) in
        throw ControlError("there is no configuration file to load again")
    }

    public init(
        loop: EventLoop, configuration: Configuration, workers: WorkerLinks, log: StateLog
    ) {
        self.loop = loop
        self.workers = workers
        self.log = log
        controller = Controller(
            loop: loop, configuration: configuration, workers: workers, log: log)
    }

    /// Opens all listening sockets and the admin interface, and publishes the first snapshot.
    ///
    /// - Throws: if an address cannot be listened on. The caller prints it and exits with 1.
    public func start() throws(ControlError) {}

    /// Reads the configuration again and makes it run, all or nothing; problems are logged, and
    /// thrown for the caller that can tell somebody.
    public func reload() throws(ControlError) {}

    /// Stops accepting, lets what is in flight finish within the configured time, then ends `run`.
    /// A second call cuts what is left at once.
    public func beginShutdown() {}

    /// Serves until a shutdown has finished.
    public func run() {}
}
