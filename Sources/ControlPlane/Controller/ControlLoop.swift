internal import Balancing
public import Transport

/// The thread of the control plane, in one object: the controller, the admin interface, and what
/// the workers report, around one event loop.
///
///     let control = ControlLoop(loop: loop, configuration: …, workers: links, log: log)
///     control.source = { try read the file again }
///     try control.start()
///     try loop.watch(signals.descriptor, .readable) { … reload() … beginShutdown() … }
///     control.run()          // until a shutdown has finished
public final class ControlLoop {
    /// How long after the deadline of a shutdown workers may take to cut what is left.
    public static let shutdownGraceMilliseconds = 2_000

    /// What the configuration has become: weights, replicas, snapshots, status.
    public let controller: Controller
    /// Reads the configuration again, for `reload`; the default refuses.
    public var source: () throws(ControlError) -> Configuration = { () throws(ControlError) in
        throw ControlError("there is no configuration file to load again")
    }

    /// Told of starts, reloads, upgrades and the end.
    public var notices = ServiceNotices()
    /// What takes this process's place at an upgrade; the default: nothing does.
    public var program: UpgradeDirector.Program? {
        get { upgrade.program }
        set { upgrade.program = newValue }
    }

    let loop: EventLoop
    let upgrade: UpgradeDirector
    let inheritance: Inheritance
    private let workers: WorkerLinks
    let log: StateLog
    private(set) var admin: AdminServer?
    private let first: Configuration
    private var socketPath: String?
    private var token: AdminToken?
    private var isShuttingDown = false
    private var isOverdue = false
    /// Another process serves.
    var isHandedOver = false

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: what `start` will make run.
    ///   - inheritance: what this process began with.
    public init(
        loop: EventLoop, configuration: Configuration, workers: WorkerLinks, log: StateLog,
        inheritance: Inheritance = Inheritance()
    ) {
        self.loop = loop
        self.inheritance = inheritance
        upgrade = UpgradeDirector(loop: loop, log: log)
        self.workers = workers
        self.log = log
        first = configuration
        controller = Controller(
            loop: loop, configuration: configuration, workers: workers, log: log,
            inherited: inheritance.sockets)
    }

    /// Where the admin interface listens on TCP, with its real port; nil before `start`, or if it
    /// does not.
    public var adminAddress: SocketAddress? { admin?.address }

    /// Opens all listening sockets and the admin interface, and publishes the first snapshot. Where
    /// this process takes the place of another one, it waits for the state of that in between.
    ///
    /// - Throws: if an address cannot be listened on, or if the other process gives up. The caller
    ///   prints it and exits with 1.
    public func start() throws(ControlError) {
        let feed = makeFeed()
        let routes = AdminRoutes(
            controller: controller,
            reload: { [unowned self] () throws(ControlError) in try reload() },
            upgrade: { [unowned self] in upgrade.begin($0) },
            forbidsChanges: { [unowned self] in upgrade.forbidsChanges },
            socketPath: { [unowned self] in socketPath }, token: { [unowned self] in token },
            feed: feed)
        let admin = AdminServer(
            loop: loop, log: log, feed: feed, inherited: inheritance.sockets
        ) { routes.answer($0, $1) }
        token = try ControlLoop.token(first.admin)
        let change = try admin.prepare(first.admin)
        do throws(ControlError) {
            try watchWakeup()
            try controller.prepare()
            let state = try inheritance.predecessor?.exchange()
            controller.start(with: state, from: inheritance.predecessor?.process ?? 0)
        } catch {
            admin.discard(change)
            throw error
        }
        commit(change, first.admin, admin)
        controller.exporter = SpanExporter(
            first.tracing, rings: workers.spans, version: controller.version,
            controller: controller)
        prepareUpgrades()
        try tellOthers()
    }

    /// Reads the configuration again and makes it run, all or nothing; problems are logged, and
    /// thrown for the caller that can tell somebody.
    public func reload() throws(ControlError) {
        do throws(ControlError) {
            guard let admin else { throw ControlError("not started yet") }
            guard !isShuttingDown else { throw ControlError("the program is about to end") }
            guard !upgrade.isActive else { throw ControlError("an upgrade is under way") }
            notices.reloading("reading the configuration again")
            defer { notices.ready(serviceStatus) }
            try reload(try source(), admin)
        } catch {
            for problem in error.problems {
                log.write(.error, "reload refused, nothing changed: \(problem)")
            }
            throw error
        }
    }

    /// Closes connections as they finish, within the configured time, then ends `run`. A second
    /// call cuts what is left at once.
    public func beginShutdown() {
        let milliseconds =
            isShuttingDown ? 0 : controller.configuration.shutdownTimeoutMilliseconds
        isShuttingDown = true
        upgrade.shutDown()
        if !isHandedOver { notices.stopping("finishing what is in flight") }
        controller.beginShutdown(deadline: Instant.now().adding(milliseconds: milliseconds))
        endWithin(milliseconds: milliseconds)
    }

    /// Workers that do not end in time do not keep the program.
    func endWithin(milliseconds: Int) {
        loop.schedule(
            afterMilliseconds: milliseconds + ControlLoop.shutdownGraceMilliseconds
        ) { [weak self] in self?.isOverdue = true }
    }

    /// Why there can be no upgrade now.
    var obstacleToUpgrade: String? { isShuttingDown ? "the program is about to end" : nil }

    /// Serves until a shutdown has finished.
    public func run() {
        while !isFinished { turn(milliseconds: -1) }
        let left = workers.workers - workers.endedWorkers()
        if left > 0 { log.write(.error, "\(left) workers did not end in time") }
        upgrade.tellCounts(controller.handoverCounts())
        controller.exporter?.finish()
        admin?.close()
        controller.stop()
        log.write(.info, "draining -> ended")
    }

    /// One turn of the loop; then one look at what the workers observed, and at most one snapshot.
    func turn(milliseconds: Int32) {
        loop.turn(milliseconds: milliseconds)
        // First this, so that no observation about a row's former owner comes after its reuse.
        controller.noteAdoptedGeneration()
        for queue in workers.observations {
            while let observation = queue.pop() { controller.observe(observation) }
        }
        controller.publishIfDue()
        controller.exporter?.look()
    }

    private var isFinished: Bool {
        if isOverdue { return isShuttingDown || isHandedOver }
        guard workers.endedWorkers() >= workers.workers else { return false }
        // What the process before this one counts last goes through this one to the next.
        return isShuttingDown || isHandedOver && inheritance.predecessor?.isGone ?? true
    }

    private func watchWakeup() throws(ControlError) {
        let wakeup = workers.wakeup
        do throws(SystemError) {
            // Clearing is all: each turn looks at the queues anyway.
            try loop.watch(wakeup.descriptor, .readable) { _ in wakeup.clear() }
        } catch {
            throw ControlError("control loop: \(error)")
        }
    }

    private func reload(
        _ configuration: Configuration, _ admin: AdminServer
    ) throws(ControlError) {
        let nextToken = try ControlLoop.token(configuration.admin)
        let change = try admin.prepare(configuration.admin)
        let before = controller.configuration
        do throws(ControlError) {
            try controller.reload(configuration)
        } catch {
            admin.discard(change)
            throw error
        }
        commit(change, configuration.admin, admin)
        token = nextToken
        warnOfWhatNeedsRestart(before, configuration)
    }

    private func makeFeed() -> EventFeed {
        EventFeed(
            loop: loop, log: log, status: { [unowned self] in controller.status() },
            hello: { [unowned self] in
                [
                    "version": .string(controller.version),
                    "changes": .string(token == nil ? "off" : "token"),
                ]
            })
    }

    private static func token(
        _ configuration: AdminConfiguration
    ) throws(ControlError) -> AdminToken? {
        guard let path = configuration.tokenPath else { return nil }
        return try AdminToken(file: path)
    }

    private func commit(
        _ change: AdminServer.Change, _ configuration: AdminConfiguration, _ admin: AdminServer
    ) {
        admin.commit(change)
        self.admin = admin
        socketPath = configuration.socketPath
    }

    private func warnOfWhatNeedsRestart(_ before: Configuration, _ now: Configuration) {
        if let workers = now.workers, workers != self.workers.workers {
            log.write(
                .warning,
                "workers: \(workers) takes effect at the next start; \(self.workers.workers) run")
        }
        var other = before.log
        other.level = now.log.level
        if other != now.log {
            log.write(
                .warning,
                "log: access, format, sample and slower_than take effect at the next start")
        }
        if before.tracing != now.tracing {
            log.write(.warning, "tracing takes effect at the next start")
        }
    }
}
