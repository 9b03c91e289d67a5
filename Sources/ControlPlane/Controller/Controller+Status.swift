internal import Balancing
internal import Metrics
internal import Transport

extension Controller {
    /// How long a pool may have no replica at all before weir stops waiting for it to say of itself
    /// that it is ready. A pool that is not deployed yet must not keep the others from being used.
    static let emptyPoolPatienceMilliseconds = 5_000

    /// Why weir is not ready; empty if it is.
    ///
    /// It is ready when it listens and does not drain, each pool had a chance to show a ready
    /// replica (one is ready, or all known were probed, or none was found for 5 s), and at least
    /// one pool had one. Once ready, replicas that fail later do not make it not ready: requests
    /// are held, and other proxies in front of this one would only take the other pools away too.
    public func notReadyReasons() -> [String] {
        guard phase == .serving else { return ["draining: the program is about to end"] }
        guard generation > 0 else { return ["the listeners are not open yet"] }
        let age = Instant.now().milliseconds(since: started)
        let isYoung = age < Controller.emptyPoolPatienceMilliseconds
        var reasons = pools.compactMap { $0.startupObstacle(isYoung ? .waiting : .spent) }
        if reasons.isEmpty, !pools.isEmpty, !pools.contains(where: \.hasBeenReady) {
            let names = pools.map(\.name).joined(separator: ", ")
            reasons.append("no pool has had a ready replica yet: \(names)")
        }
        return reasons
    }

    /// How everything is, now.
    public func status() -> StatusReport {
        let now = figuresNow()
        var report = StatusReport()
        report.version = version
        report.time = WallClock.timestamp()
        report.uptimeMilliseconds = Instant.now().milliseconds(since: started)
        report.generation = Int(clamping: generation)
        report.phase = phase == .serving ? "serving" : "draining"
        report.notReadyReasons = notReadyReasons()
        report.isReady = report.notReadyReasons.isEmpty
        report.workers = workers.counters.indices.map(workerReport)
        report.listeners = sockets.open.map(listenerReport)
        report.routes = configuration.routes.map(Controller.routeReport)
        report.splits = splits.map(Controller.splitReport)
        report.rollouts = rollouts.reports()
        report.pools = pools.map { poolReport($0, now) }
        report.dns = resolver?.counts ?? DNSCounts()
        report.logLinesLost = log.linesLost
        report.spansExported = exporter?.exportedCount ?? 0
        report.spansLost = exporter?.lostCount ?? 0
        report.events = log.events.map(Controller.eventReport)
        return report
    }

    static func eventReport(_ event: StateLog.Event) -> EventReport {
        var report = EventReport()
        report.time = WallClock.timestamp(nanoseconds: event.wallNanoseconds)
        report.level = event.level.rawValue
        report.text = event.text
        return report
    }

    /// The metrics, as Prometheus scrapes them.
    func metricsPage() -> String {
        var latencies: [String: MetricsPage.Latencies] = [:]
        for pool in pools {
            latencies[pool.name] = MetricsPage.Latencies(
                counts: sums.histogram(pool: pool.row),
                sumMicroseconds: UInt64(sums.pool(pool.row, .latencyMicroseconds)))
        }
        let rows = pools.flatMap { pool in pool.replicas.map { (pool.name, $0) } }
        var firstBytes: [MetricsPage.ReplicaKey: [UInt64]] = [:]
        // What has many replicas is judged by its pools; their series alone would be thousands.
        if rows.count <= MetricsPage.timedReplicasMaximum {
            for (pool, replica) in rows {
                let key = MetricsPage.ReplicaKey(
                    pool: pool, address: "\(replica.status.address)")
                firstBytes[key] = sums.firstBytes(replica: replica.row)
            }
        }
        return MetricsPage(report: status(), latencies: latencies, firstBytes: firstBytes).text()
    }

    private func workerReport(_ index: Int) -> WorkerReport {
        var report = WorkerReport()
        report.generation = sums.worker(index, .generation)
        report.clientConnections = sums.worker(index, .clientConnections)
        report.upstreamConnections = sums.worker(index, .upstreamConnections)
        report.exchanges = sums.worker(index, .exchanges)
        report.tunnels = sums.worker(index, .tunnels)
        report.buffersInUse = sums.worker(index, .buffersInUse)
        report.observationsDropped = sums.worker(index, .observationsDropped)
        report.logRecordsDropped = sums.worker(index, .logRecordsDropped)
        report.spansDropped = sums.worker(index, .spansDropped)
        report.loopTurns = sums.worker(index, .loopTurns)
        return report
    }

    private func listenerReport(_ listener: ListenerSockets.Open) -> ListenerReport {
        var report = ListenerReport()
        report.name = listener.configuration.name
        report.bind = "\(listener.address)"
        switch listener.configuration.mode {
        case .http: report.mode = "http"
        case .tcp(let target):
            report.mode = "tcp"
            report.target = Controller.text(of: target)
        case .passthrough(let names, let fallback):
            report.mode = "tcp"
            let parts = names.map { "\($0.name): \(Controller.text(of: $0.target))" }
            let rest = fallback.map { ["else \(Controller.text(of: $0))"] } ?? []
            report.target = (parts + rest).joined(separator: ", ")
        }
        report.accepted = sums.listener(listener.row, .accepted)
        report.open = sums.listener(listener.row, .open)
        report.requests = sums.listener(listener.row, .requests)
        report.refused = sums.listener(listener.row, .refused)
        report.clientsRefused = sums.listener(listener.row, .clientsRefused)
        report.tooSlow = sums.listener(listener.row, .tooSlow)
        report.malformed = sums.listener(listener.row, .malformed)
        report.handshakes = sums.listener(listener.row, .handshakes)
        report.handshakesResumed = sums.listener(listener.row, .handshakesResumed)
        report.handshakesFailed = sums.listener(listener.row, .handshakesFailed)
        report.certificates = tls.reports(ofListener: report.name)
        return report
    }

    private static func routeReport(_ route: RouteConfiguration) -> RouteReport {
        var report = RouteReport()
        report.listeners = route.listeners
        report.host = route.host
        report.path = route.path
        report.methods = route.methods
        report.headers = route.headers.map { header in
            header.value.map { "\(header.name): \($0)" } ?? header.name
        }
        report.target = text(of: route.target)
        return report
    }

    private static func text(of target: TargetName) -> String {
        switch target {
        case .pool(let name): "pool \(name)"
        case .split(let name): "split \(name)"
        }
    }

    static func splitReport(_ split: RunningSplit) -> SplitReport {
        var report = SplitReport()
        report.name = split.name
        let sum = split.weights.reduce(0) { $0 + $1.weight }
        report.parts = zip(split.weights, split.configuration.weights).map { now, file in
            var part = SplitReport.Part()
            part.pool = now.pool
            part.weight = now.weight
            part.fileWeight = file.weight
            let share = sum == 0 ? 0 : Double(now.weight) / Double(sum) * 100
            part.sharePercent = (share * 100).rounded() / 100
            return part
        }
        report.sticky = split.configuration.stickyText
        report.pins = split.configuration.pins.map { "\($0.key): \($0.pool)" }
        guard split.configuration.sticky != .off else { return report }
        report.slots = split.slots.map { pool, count in
            var run = SplitReport.SlotRun()
            run.pool = pool ?? ""
            run.count = count
            return run
        }
        return report
    }
}

/// Pools and their replicas.
extension Controller {
    private func poolReport(_ pool: RunningPool, _ now: RecentFigures.Sample) -> PoolReport {
        let row = pool.row
        var report = PoolReport()
        report.name = pool.name
        report.policy = pool.configuration.policy.rawValue
        report.probe = Controller.text(of: pool.configuration.probe)
        report.sticky = pool.configuration.stickyText
        report.replicas = pool.replicas.map { replicaReport($0.status, row: $0.row, now) }
        report.isPaused = pool.pause.isPaused
        if report.isPaused {
            report.waitAtMostMilliseconds =
                pool.pause.holdMilliseconds ?? pool.configuration.settings.holdTimeoutMilliseconds
        }
        report.ready = pool.director.replicas.count { $0.availability == .ready }
        report.requests = sums.pool(row, .requests)
        report.responses = sums.classes(pool: row)
        report.requestsPerSecond = recent.requestsPerSecond(pool: row, now: now)
        report.inFlight = report.replicas.reduce(0) { $0 + $1.inFlight }
        report.holding = sums.pool(row, .holding)
        report.holds = sums.pool(row, .holds)
        report.holdTimeouts = sums.pool(row, .holdTimeouts)
        report.tunnels = sums.pool(row, .tunnels)
        report.tunnelsDrained = sums.pool(row, .tunnelsDrained)
        report.retries = sums.pool(row, .retries)
        report.retriesDenied = sums.pool(row, .retriesDenied)
        report.rescued = sums.pool(row, .rescued)
        report.rescues = sums.rescues(pool: row)
        report.failures = sums.pool(row, .failures)
        report.yielded = sums.pool(row, .yielded)
        report.ejections = pool.configuration.ejection.map { _ in pool.director.ejectionCount }
        report.circuit = pool.configuration.circuit.map { _ in pool.circuit.phase.word }
        report.circuitOpens = pool.circuit.opens
        report.probes = pool.director.probeCount
        report.probeFailures = pool.director.probeFailureCount
        report.cut = sums.pool(row, .cut)
        report.backup = pool.configuration.backup
        report.isBackedUp = pool.isBackedUp
        report.bytesFromClients = sums.pool(row, .bytesFromClients)
        report.bytesToClients = sums.pool(row, .bytesToClients)
        let buckets = recent.histogram(pool: row, now: now)
        report.medianMilliseconds = Controller.milliseconds(buckets, quantile: 0.5)
        report.p99Milliseconds = Controller.milliseconds(buckets, quantile: 0.99)
        report.durations = Controller.durations(now.histograms[row] ?? [])
        return report
    }

    private func replicaReport(
        _ status: ReplicaStatus, row: Int, _ now: RecentFigures.Sample
    ) -> ReplicaReport {
        var report = ReplicaReport()
        report.name = status.name
        report.address = "\(status.address)"
        report.state = status.state.rawValue
        report.cause = status.cause
        if status.sinceWallNanoseconds > 0 {
            report.since = WallClock.timestamp(nanoseconds: status.sinceWallNanoseconds)
            report.sinceMilliseconds = Controller.age(status.sinceWallNanoseconds)
        }
        if let probe = status.lastProbe {
            report.probeOutcome = probe.outcome
            report.probeMilliseconds = Double(probe.milliseconds)
            report.probeAgeMilliseconds = Controller.age(probe.wallNanoseconds)
        }
        report.weight = status.weight
        report.weightPercent = status.rampPercent
        report.isDrained = status.isDrained
        if let end = status.tunnelEnd {
            report.tunnelsEndInMilliseconds =
                Instant(nanoseconds: end.at).milliseconds(since: Instant.now())
        }
        report.requestsPerSecond = recent.answersPerSecond(replica: row, now: now)
        countReplica(row, into: &report)
        return report
    }

    private func countReplica(_ row: Int, into report: inout ReplicaReport) {
        report.inFlight = workers.board.inFlight(replicaRow: row)
        report.responses = sums.classes(replica: row)
        report.failures = sums.replica(row, .failures)
        report.connects = sums.replica(row, .connects)
        report.connectFailures = sums.replica(row, .connectFailures)
        report.handshakes = sums.replica(row, .handshakes)
        report.handshakesResumed = sums.replica(row, .handshakesResumed)
        report.connectionsOpen = sums.replica(row, .connectionsOpen)
        report.connectionsIdle = sums.replica(row, .connectionsIdle)
        report.tunnels = sums.replica(row, .tunnels)
        report.bytesSent = sums.replica(row, .bytesSent)
        report.bytesReceived = sums.replica(row, .bytesReceived)
        report.firstByteMicrosecondsSum = sums.replica(row, .firstByteMicroseconds)
    }

    private static func durations(_ counts: [UInt64]) -> [DurationCount] {
        counts.enumerated().compactMap { bucket, count in
            guard count > 0 else { return nil }
            var report = DurationCount()
            report.belowMicroseconds = Int(clamping: Histogram.upperBound(ofBucket: bucket))
            report.count = Int(clamping: count)
            return report
        }
    }

    private static func text(of probe: ProbeConfiguration) -> String {
        switch probe.kind {
        case .tcp: "tcp"
        case .http(let http): "http \(http.path)"
        case .grpc(let service): service.isEmpty ? "grpc" : "grpc \(service)"
        case .off: "off"
        }
    }

    private static func age(_ wallNanoseconds: UInt64) -> Int {
        let now = WallClock.nanoseconds()
        return now > wallNanoseconds ? Int((now - wallNanoseconds) / 1_000_000) : 0
    }

    private static func milliseconds(_ buckets: [UInt64], quantile: Double) -> Double? {
        guard let microseconds = Histogram.quantile(quantile, counts: buckets) else { return nil }
        return (microseconds / 10).rounded() / 100
    }
}
