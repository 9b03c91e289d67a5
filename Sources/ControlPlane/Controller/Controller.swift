public import Balancing
internal import Metrics
public import Transport

/// The middle of the control plane: what the configuration, discovery, probes and operators say
/// becomes snapshots for the workers.
///
/// Used by the control loop's thread only. Changes only mark a snapshot as due; `publishIfDue`, at
/// the end of each turn of the loop, makes one snapshot of however many changes the turn brought.
public final class Controller {
    /// What runs now; empty before `start`.
    public private(set) var configuration = Configuration()

    let loop: EventLoop
    let workers: WorkerLinks
    let log: StateLog
    let sums: CounterSums
    /// What the processes before this one counted, as if it were a worker more.
    let carried = WorkerCounters()
    let started = Instant.now()
    /// What `status` and the metrics call this program's version.
    public var version = "unknown"
    private let first: Configuration

    private(set) var sockets: ListenerSockets
    private(set) var pools: [RunningPool] = []
    private(set) var splits: [RunningSplit] = []
    var phase = Snapshot.Phase.serving
    /// Of the newest snapshot published.
    private(set) var generation: UInt64 = 0
    /// Its routes, which the next one mostly has as well.
    private var routes = RouteTable()
    private var isDue = false
    /// The oldest generation that any worker worked by at the end of the last turn.
    private(set) var adoptedGeneration: UInt64 = 0

    /// What cookies are signed with unless their configuration names a file; random until it is
    /// set. Clients lose their place when it changes.
    public var signingKey: SigningKey {
        get { keys.own }
        set {
            keys.own = newValue
            isDue = true
        }
    }
    private var keys = SigningKeys(own: .random())

    let tls: TLSDirector
    private var errorPages: [String: ErrorPages] = [:]
    private let prober: Prober
    private(set) var resolver: Resolver?
    var exporter: SpanExporter?
    private(set) var poolRows = RowAllocator(rowsMaximum: WorkerCounters.poolRowsMaximum)
    private(set) var splitRows = RowAllocator(rowsMaximum: WorkerCounters.poolRowsMaximum)
    private var replicaRows: RowAllocator
    private var replicasWithoutRow: [String] = []
    var recent = RecentFigures()
    var limitNotices = LimitNotices()
    private(set) lazy var drainWaits = DrainWaits(controller: self) { [unowned self] in
        inFlight(on: $0)
    }
    /// nil: the configuration says off.
    var saver: StateSaver?
    var isSaveScheduled = false
    var pendingDrains: [PendingDrain] = []
    /// `start` is past its first snapshot.
    private(set) var hasStarted = false
    /// The rollouts of all splits.
    private(set) lazy var rollouts = RolloutDirector(controller: self) { [unowned self] in
        saveState()
    }

    /// - Parameters:
    ///   - configuration: what `start` will make run.
    ///   - inherited: sockets that are open already.
    init(
        loop: EventLoop, configuration: Configuration, workers: WorkerLinks, log: StateLog,
        inherited: InheritedSockets = InheritedSockets()
    ) {
        self.loop = loop
        self.workers = workers
        self.log = log
        first = configuration
        sums = CounterSums(counters: workers.counters + [carried])
        sockets = ListenerSockets(
            workers: workers.workers, rowsMaximum: WorkerCounters.listenerRowsMaximum,
            inherited: inherited)
        replicaRows = RowAllocator(
            rowsMaximum: min(WorkerCounters.replicaRowsMaximum, workers.board.replicaRowsMaximum))
        prober = Prober(loop: loop)
        tls = TLSDirector(loop: loop, log: log)
        tls.onChange = { [unowned self] in isDue = true }
    }

    /// Opens all listening sockets. Nothing is accepted yet.
    ///
    /// - Throws: if a listener cannot be opened; names it and its address. The program ends.
    func prepare() throws(ControlError) {
        try apply(first)
    }

    /// Begins discovery, and publishes the first snapshot before any of its answers. Traffic is
    /// accepted from here on, and held until a replica is ready.
    ///
    /// - Parameter state: what another process hands over; else the state file says what was.
    func start(with state: HandoverState? = nil, from process: Int = 0) {
        openState(first.statePath)
        if let state {
            takeOver(state, from: process)
        } else if let state = saver?.load() {
            restore(state, from: "the state file")
        }
        hasStarted = true
        publishIfDue()
        saveState()
        for listener in sockets.open {
            log.write(
                .info, "listener=\(listener.configuration.name) listening on \(listener.address)")
        }
        warnOfLimits()
        watchAnswers()
        sampleFigures()
    }

    /// Makes `configuration` the one that runs, whole or not at all. Listeners, pools and splits
    /// that are in both keep their sockets, replicas, health, counters and run-time weights.
    ///
    /// - Throws: if a new listener cannot be opened; nothing has changed then.
    public func reload(_ configuration: Configuration) throws(ControlError) {
        try apply(configuration)
        openState(configuration.statePath)
        publishIfDue()
        saveState()
        warnOfLimits()
        log.write(
            .info,
            "configuration reloaded listeners=\(configuration.listeners.count)"
                + " routes=\(configuration.routes.count) splits=\(splits.count)"
                + " pools=\(pools.count) generation=\(generation)")
    }

    /// Takes what a worker observed.
    public func observe(_ observation: Observation) {
        guard let pool = pools.first(where: { $0.row == Int(observation.poolRow) }) else { return }
        if observation.replicaRow < 0 {
            pool.director.observe(observation.kind, replica: nil)
        } else if let id = pool.replica(atRow: Int(observation.replicaRow)) {
            pool.director.observe(observation.kind, code: observation.code, replica: id)
        }
    }

    /// Changes weights of a split, from the next request on. Pools not named keep theirs. A rollout
    /// of the split is over with that.
    ///
    /// - Throws: if the split or a pool in it does not exist, or a weight is out of range.
    public func shift(
        split name: String, weights: [(pool: String, weight: Int)]
    ) throws(ControlError) {
        try shift(split: name, weights: weights, cause: "operator")
        rollouts.noteShift(split: name)
        saveState()
    }

    /// The same for a cause of its own; the caller saves the state.
    func shift(
        split name: String, weights: [(pool: String, weight: Int)], cause: String
    ) throws(ControlError) {
        guard let index = splits.firstIndex(where: { $0.name == name }) else {
            let known = splits.map(\.name).joined(separator: ", ")
            throw ControlError(
                "there is no split \"\(name)\"; "
                    + (known.isEmpty ? "the configuration has none" : "there is \(known)"))
        }
        let before = splits[index].weightsText
        try splits[index].shift(weights)
        guard splits[index].weightsText != before else { return }
        log.write(
            .info, "split=\(name) \(before) -> \(splits[index].weightsText) cause=\"\(cause)\"")
        isDue = true
        publishIfDue()
    }

    /// Gives the split back the slots that its pools had; before the first snapshot.
    func restoreSlots(_ slots: [(pool: String?, count: Int)], split name: String) {
        guard let index = splits.firstIndex(where: { $0.name == name }) else { return }
        splits[index].restore(slots: slots)
    }

    /// Begins to end: workers finish what is in flight, and cut at `deadline` what is left. A
    /// second call may bring the deadline forward.
    public func beginShutdown(deadline: Instant) {
        phase = .draining(deadline: deadline.nanoseconds)
        rollouts.stop()
        let left = deadline.milliseconds(since: Instant.now())
        log.write(.info, "serving -> draining, \(left) ms for what is in flight")
        isDue = true
        publishIfDue()
    }

    /// Something changed that workers are to know.
    func markDue() { isDue = true }

    /// Publishes one snapshot if anything changed since the last; at the end of each turn.
    public func publishIfDue() {
        guard isDue, hasStarted else { return }
        applyPendingDrains()
        isDue = false
        reclaimRows()
        generation += 1
        assignReplicaRows(for: generation)
        noteBackups()
        let builder = SnapshotBuilder(
            listeners: sockets.open.map {
                .init(
                    row: $0.row, configuration: $0.configuration,
                    descriptors: $0.descriptors.map(\.number),
                    tls: tls.context(ofListener: $0.configuration.name),
                    errorPages: errorPages[$0.configuration.name])
            },
            routes: configuration.routes, splits: splits,
            pools: pools.map {
                .init(
                    row: $0.row, configuration: $0.configuration, replicas: $0.replicas,
                    pause: $0.pause, circuit: $0.circuit.phase.forWorkers,
                    tls: tls.context(ofPool: $0.name))
            },
            limits: budget.fitted(configuration.limits), keys: keys, formerRoutes: routes)
        let snapshot = builder.build(generation: generation, phase: phase)
        routes = snapshot.routes
        workers.publish(snapshot)
        saveStateSoon()
    }

    /// Looks how far the workers are; before their observations of this turn are taken.
    func noteAdoptedGeneration() { adoptedGeneration = workers.adoptedGeneration }

    /// Ends discovery and probes; the workers have ended.
    public func stop() {
        for pool in pools { pool.director.stop() }
        resolver?.close()
    }
}

/// From one configuration to the next.
extension Controller {
    /// All that can fail comes first; from `sockets.commit` on nothing can.
    private func apply(_ next: Configuration) throws(ControlError) {
        try checkRows(next)
        var nextKeys = keys
        try nextKeys.readFiles(next)
        let nextErrorPages = try ErrorPageFiles.pages(of: next)
        let nextTLS = try tls.prepare(next)
        let change = try sockets.prepare(next.listeners)
        let nextResolver: Resolver
        do throws(ControlError) {
            nextResolver = try makeResolver(next.dns)
        } catch {
            sockets.discard(change)
            throw error
        }
        sockets.commit(change, generation: generation + 1)
        keys = nextKeys
        errorPages = nextErrorPages
        tls.commit(nextTLS)
        let isNewResolver = nextResolver !== resolver
        applyPools(next.pools, resolver: nextResolver, isNewResolver ? .changed : .same)
        let changed = applySplits(next.splits)
        if isNewResolver { resolver?.close() }
        resolver = nextResolver
        configuration = next
        rollouts.noteReload(changed: changed)
        log.level = next.log.level
        isDue = true
    }

    private func makeResolver(_ dns: DNSConfiguration) throws(ControlError) -> Resolver {
        if let resolver, dns == configuration.dns { return resolver }
        do throws(ResolverError) {
            return try Resolver(loop: loop, configuration: dns)
        } catch {
            throw ControlError("dns: \(error)")
        }
    }

    private enum ResolverChange { case same, changed }

    private func applyPools(
        _ wanted: [PoolConfiguration], resolver: Resolver, _ change: ResolverChange
    ) {
        let before = pools
        for pool in before where !wanted.contains(where: { $0.name == pool.name }) {
            pool.stop(returningRowsTo: &replicaRows, generation: generation + 1)
            poolRows.retire(pool.row, since: generation + 1)
        }
        pools = wanted.compactMap { configuration in
            guard let pool = before.first(where: { $0.name == configuration.name }) else {
                return makePool(configuration, resolver: resolver)
            }
            if pool.configuration != configuration || change == .changed {
                pool.reconfigure(configuration, resolver: resolver)
            }
            return pool
        }
    }

    private func makePool(_ configuration: PoolConfiguration, resolver: Resolver) -> RunningPool? {
        guard let row = poolRows.allocate() else { return nil }
        let director = PoolDirector(configuration, resolver: resolver, prober: prober)
        let name = configuration.name
        director.tlsContext = { [unowned self] in tls.context(ofProbesIn: name) }
        director.onChange = { [unowned self] in isDue = true }
        director.onTransition = { [unowned self] in report($0, pool: name) }
        director.onNotice = { [unowned self] in log.write(.warning, "pool=\(name) \($0)") }
        return RunningPool(row: row, configuration: configuration, director: director)
    }

    /// - Returns: the splits that got other weights.
    private func applySplits(_ wanted: [SplitConfiguration]) -> Set<String> {
        let before = splits
        var changed: Set<String> = []
        for split in before where !wanted.contains(where: { $0.name == split.name }) {
            splitRows.retire(split.row, since: generation + 1)
        }
        splits = wanted.compactMap { configuration in
            guard var split = before.first(where: { $0.name == configuration.name }) else {
                return splitRows.allocate().map {
                    RunningSplit(row: $0, configuration: configuration)
                }
            }
            let weights = split.weightsText
            split.reconfigure(configuration)
            if split.weightsText != weights {
                changed.insert(split.name)
                log.write(
                    .info,
                    "split=\(split.name) \(weights) -> \(split.weightsText) cause=\"reload\"")
            }
            return split
        }
        return changed
    }

    private func report(_ transition: ReplicaTransition, pool: String) {
        let address = SocketAddress(
            high: transition.address.high, low: transition.address.low,
            port: transition.address.port)
        let isBad = transition.to == .down || transition.to == .suspect
        let name = transition.name.isEmpty ? "\(address)" : "\(transition.name) \(address)"
        log.write(
            isBad ? .warning : .info,
            "pool=\(pool) replica=\(name) \(transition.from.rawValue) ->"
                + " \(transition.to.rawValue) cause=\"\(transition.cause)\"")
    }
}

/// Rows.
extension Controller {
    /// - Parameter generation: of the next snapshot.
    func assignReplicaRows(for generation: UInt64) {
        var left: [String] = []
        for pool in pools {
            left += pool.assignRows(from: &replicaRows, generation: generation)
        }
        if !left.isEmpty, left != replicasWithoutRow {
            log.write(
                .error,
                "\(left.count) replicas get no traffic, \(left[0]) first: at most"
                    + " \(replicaRows.rowsMaximum) replicas are possible")
        }
        replicasWithoutRow = left
    }

    /// Rows are free again when no worker knows them and no work that began on them goes on.
    private func reclaimRows() {
        let adopted = adoptedGeneration
        let replicas = replicaRows.reclaim(adopted: adopted) { row in
            workers.board.inFlight(replicaRow: row) == 0
                && sums.replica(row, .connectionsOpen) == 0
        }
        let pools = poolRows.reclaim(adopted: adopted) { sums.pool($0, .holding) == 0 }
        let listeners = sockets.reclaimRows(adopted: adopted) { sums.listener($0, .open) == 0 }
        _ = splitRows.reclaim(adopted: adopted) { _ in true }
        for counters in sums.counters {
            for row in replicas { counters.replicas.clear(row: row) }
            for row in pools { counters.pools.clear(row: row) }
            for row in listeners { counters.listeners.clear(row: row) }
        }
    }
}
