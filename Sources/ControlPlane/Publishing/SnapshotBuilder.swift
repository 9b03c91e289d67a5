internal import Balancing
internal import Transport

/// Makes a snapshot of what is known now. A pure function: the same inputs, the same snapshot.
struct SnapshotBuilder {
    /// A listener with its row and the numbers of its sockets.
    struct ListenerInput {
        var row: Int
        var configuration: ListenerConfiguration
        var descriptors: [Int32]
        var tls: TLSContext?
        var errorPages: ErrorPages?
    }

    /// A pool with its row and replicas.
    struct PoolInput {
        var row: Int
        var configuration: PoolConfiguration
        var replicas: [(row: Int, status: ReplicaStatus)]
        var pause = RunningPool.Pause.none
        var circuit = Circuit.closed
        var tls: TLSContext?
    }

    var listeners: [ListenerInput]
    var routes: [RouteConfiguration]
    var splits: [RunningSplit]
    var pools: [PoolInput]
    var limits: Limits
    var keys: SigningKeys
    /// Of the snapshot before: routes that have not changed are not indexed again.
    var formerRoutes = RouteTable()

    /// - Parameters:
    ///   - generation: one more than that of the snapshot before.
    ///   - phase: whether the program is on its way out.
    func build(generation: UInt64, phase: Snapshot.Phase) -> Snapshot {
        let positions = Positions(pools: pools, splits: splits)
        return Snapshot(
            generation: generation, phase: phase,
            listeners: listeners.compactMap { listener($0, positions) },
            routes: RouteTable(
                routes.enumerated().compactMap { row, route in
                    self.route(route, row: row, positions)
                }, orSame: formerRoutes),
            splits: splits.map { split($0, positions) },
            pools: pools.map { pool($0, positions) },
            limits: limits)
    }

    /// Where names are in the arrays of the snapshot.
    private struct Positions {
        private var pools: [String: Int] = [:]
        private var splits: [String: Int] = [:]

        init(pools: [PoolInput], splits: [RunningSplit]) {
            for (index, pool) in pools.enumerated() { self.pools[pool.configuration.name] = index }
            for (index, split) in splits.enumerated() { self.splits[split.name] = index }
        }

        func pool(_ name: String) -> Int? { pools[name] }

        func target(_ name: TargetName) -> Target? {
            switch name {
            case .pool(let name): pools[name].map(Target.pool)
            case .split(let name): splits[name].map(Target.split)
            }
        }
    }

    /// Nil if its target does not exist, which the reader of the configuration has ruled out.
    private func listener(_ input: ListenerInput, _ positions: Positions) -> Listener? {
        let mode: Listener.Mode
        switch input.configuration.mode {
        case .http: mode = .http
        case .tcp(let name):
            guard let target = positions.target(name) else { return nil }
            mode = .tcp(target)
        case .passthrough(let names, let fallback):
            mode = .tls(serverNames(names, fallback, positions))
        }
        var listener = Listener(
            row: input.row, name: input.configuration.name, mode: mode,
            descriptors: input.descriptors,
            trusted: input.configuration.trusted.map(SnapshotBuilder.range))
        listener.speaksHTTP2 = input.configuration.speaksHTTP2
        listener.proxies = input.configuration.proxies.map(SnapshotBuilder.range)
        listener.tls = input.tls
        listener.errorPages = input.errorPages
        listener.redirectPort = input.configuration.redirectPort
        if let milliseconds = input.configuration.tls?.hstsMilliseconds {
            listener.hstsSeconds = Int32(milliseconds / 1_000)
        }
        return listener
    }

    private func serverNames(
        _ names: [ServerName], _ fallback: TargetName?, _ positions: Positions
    ) -> ServerNames {
        ServerNames(
            names.compactMap { entry in
                positions.target(entry.target).map {
                    ServerNames.Entry(name: SnapshotBuilder.host(entry.name), target: $0)
                }
            },
            fallback: fallback.flatMap(positions.target))
    }

    private func route(
        _ route: RouteConfiguration, row: Int, _ positions: Positions
    ) -> Route? {
        guard let target = positions.target(route.target) else { return nil }
        var built = Route(
            row: row,
            listeners: route.listeners.compactMap { name in
                listeners.first { $0.configuration.name == name }?.row
            },
            host: SnapshotBuilder.host(route.host), path: route.path, methods: route.methods,
            headers: route.headers.map { HeaderRule(name: $0.name, value: $0.value) },
            target: target)
        built.honoursIdempotencyKey = route.honoursIdempotencyKey
        built.rateLimit = route.rateLimit?.limit
        return built
    }

    private func split(_ split: RunningSplit, _ positions: Positions) -> Split {
        let entries = split.weights.compactMap { part in
            positions.pool(part.pool).map { SplitSchedule.Entry(pool: $0, weight: part.weight) }
        }
        var result = Split(
            row: split.row, name: split.name, schedule: SplitSchedule(entries),
            ticket: split.ticket)
        // With a pool missing, which the reader of the configuration has ruled out, slots and pins
        // would be for the wrong entries.
        guard entries.count == split.weights.count else { return result }
        result.pins = split.configuration.pins.compactMap { pin in
            split.weights.firstIndex { $0.pool == pin.pool }.map { Pin(key: pin.key, entry: $0) }
        }
        switch split.configuration.sticky {
        case .off: break
        case .hash(let key): result.stickiness = Stickiness(hash: key, table: split.table)
        case .cookie(let configuration):
            result.stickiness = Stickiness(
                cookie: cookie(configuration, name: configuration.name(ofSplit: split.name)),
                table: split.table, split: split.name, entries: entries.count,
                turnsBefore: split.turnsBefore)
        }
        return result
    }

    private func cookie(_ configuration: CookieConfiguration, name: String) -> StickyCookie {
        StickyCookie(
            name: name, maxAgeSeconds: configuration.maxAgeMilliseconds.map { $0 / 1_000 },
            key: keys.key(configuration))
    }

    private func pool(_ input: PoolInput, _ positions: Positions) -> Pool {
        let weights = SnapshotBuilder.weights(input.replicas.map(\.status))
        var pool = Pool(
            row: input.row, name: input.configuration.name, policy: input.configuration.policy,
            replicas: zip(input.replicas, weights).map {
                SnapshotBuilder.replica($0.status, row: $0.row, weight: $1)
            },
            isPaused: input.pause.isPaused, settings: input.configuration.settings)
        if let milliseconds = input.pause.holdMilliseconds {
            pool.settings.holdTimeoutMilliseconds = milliseconds
        }
        pool.tls = input.tls
        pool.circuit = input.circuit
        pool.hashKey = input.configuration.hashKey
        pool.backup = input.configuration.backup.flatMap(positions.pool)
        if let sticky = input.configuration.sticky {
            let cookie = cookie(sticky, name: sticky.name(ofPool: pool.name))
            pool.sticky = cookie
            for (index, replica) in input.replicas.enumerated() {
                let address = "\(replica.status.address)"
                pool.replicas[index].stickyTag = cookie.tag(pool: pool.name, address: address)
            }
        }
        return pool
    }

    private static func replica(_ status: ReplicaStatus, row: Int, weight: Int) -> Replica {
        var replica = Replica(
            row: row, name: status.name, addressHigh: status.address.high,
            addressLow: status.address.low, port: status.address.port, weight: weight,
            availability: status.availability)
        replica.tunnelEnd = status.tunnelEnd
        replica.serverName = status.serverName
        return replica
    }

    private static func range(_ subnet: Subnet) -> AddressRange {
        AddressRange(
            maskHigh: subnet.maskHigh, maskLow: subnet.maskLow, baseHigh: subnet.base.high,
            baseLow: subnet.base.low)
    }

    /// `*.example.com` in the file is the suffix `.example.com`.
    private static func host(_ pattern: String?) -> HostPattern {
        guard let pattern else { return .any }
        return pattern.hasPrefix("*.") ? .wildcard(String(pattern.dropFirst())) : .exact(pattern)
    }
}
