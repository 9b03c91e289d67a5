internal import Balancing
internal import ControlPlane
internal import Transport

/// The way of a request through a configuration, in words.
struct Explanation {
    private(set) var text: String
    private(set) var hasRoute = false
    private let configuration: Configuration
    private let status: StatusReport?
    private static let othersMaximum = 12

    /// - Parameter status: of the weir that runs, if one does; tells weights and replicas.
    init(of request: ImaginedRequest, by configuration: Configuration, status: StatusReport?) {
        self.configuration = configuration
        self.status = status
        text = "request   \(request.method) http://\(request.host)\(request.path)"
        guard let row = listenerRow(port: request.port) else {
            add("listener", "none speaks HTTP")
            return
        }
        let listener = configuration.listeners[row]
        add("listener", "\(listener.name), \(listener.bind)")
        let routes = RouteTable(configuration)
        guard let position = request.match(in: routes, listenerRow: row) else {
            add("route", "none of \(routes.routes.count) matches: weir answers 404")
            addOthers(routes.routes[...], request, row)
            return
        }
        hasRoute = true
        let route = configuration.routes[routes.routes[position].row]
        let rank = "number \(position + 1) of \(routes.routes.count), the most specific first"
        add("route", "\(Explanation.conditions(of: route)); \(rank)")
        addOthers(routes.routes[..<position], request, row)
        addTarget(route.target, request)
    }

    /// The listener with that port, else the first: a port may be mapped outside.
    private func listenerRow(port: UInt16) -> Int? {
        let rows = configuration.listeners.indices.filter {
            configuration.listeners[$0].mode == .http
        }
        return rows.first { configuration.listeners[$0].bind.port == port } ?? rows.first
    }

    private static func conditions(of route: RouteConfiguration) -> String {
        var conditions: [String] = []
        if let host = route.host { conditions.append("host \(host)") }
        if let path = route.path { conditions.append("path \(path)") }
        if !route.methods.isEmpty {
            conditions.append("method \(route.methods.joined(separator: " or "))")
        }
        conditions += route.headers.map { header in
            header.value.map { "header \(header.name): \($0)" } ?? "header \(header.name)"
        }
        return conditions.isEmpty ? "any request" : conditions.joined(separator: ", ")
    }

    /// Why the request takes none of these routes, all of which come before the one that it takes.
    private mutating func addOthers(
        _ routes: ArraySlice<Route>, _ request: ImaginedRequest, _ row: Int
    ) {
        for route in routes.prefix(Explanation.othersMaximum) {
            let mismatch = RouteMismatch(
                route, request, listenerRow: row, listener: configuration.listeners[row].name)
            let words = Explanation.conditions(of: configuration.routes[route.row])
            add("not", "\(words): the request has \(mismatch.conditions.joined(separator: ", "))")
        }
        let left = routes.count - Explanation.othersMaximum
        if left > 0 { add("not", "\(left) more") }
    }

    private mutating func addTarget(_ target: TargetName, _ request: ImaginedRequest) {
        switch target {
        case .pool(let name): addPool(name)
        case .split(let name):
            guard let split = configuration.splits.first(where: { $0.name == name }) else { return }
            let running = status?.splits.first { $0.name == name }
            let explanation = SplitExplanation(
                of: request, split: split, weights: weights(of: name),
                slots: running.flatMap { $0.slots.isEmpty ? nil : $0.slots })
            for line in explanation.lines { add(line.label, line.words) }
            for pool in explanation.pools { addPool(pool) }
        }
    }

    /// As they are now, if weir runs; else as the file says.
    private func weights(of split: String) -> [(pool: String, weight: Int)] {
        if let running = status?.splits.first(where: { $0.name == split }) {
            return running.parts.map { ($0.pool, $0.weight) }
        }
        return configuration.splits.first { $0.name == split }?.weights ?? []
    }

    private mutating func addPool(_ name: String) {
        guard let pool = configuration.pools.first(where: { $0.name == name }) else { return }
        let sources = pool.sources.map(Explanation.text).joined(separator: ", ")
        add("pool", "\(name): \(sources), \(pool.policy.rawValue)")
        if let cookie = pool.sticky {
            add("", "a client stays with the replica of its cookie \(cookie.name(ofPool: name))")
        }
        guard let status else {
            add("", "no weir answers that could name its replicas")
            return
        }
        let replicas = status.pools.first { $0.name == name }?.replicas ?? []
        for replica in replicas {
            let state = "\(replica.state): \(replica.cause)"
            add("replica", "\(replica.name)  \(replica.address)  \(state)")
        }
        if replicas.isEmpty { add("", "no replica is known: requests wait") }
    }

    private static func text(of source: PoolConfiguration.Source) -> String {
        switch source {
        case .name(let name, let port, _): "\(name):\(port)"
        case .address(let address, _): "\(address)"
        case .service(let name): "srv:\(name)"
        }
    }

    private mutating func add(_ label: String, _ words: String) {
        let padding = String(repeating: " ", count: 10 - label.count)
        text += "\n\(label)\(padding)\(words)"
    }
}

extension RouteTable {
    /// The routes of a configuration; rows are positions in its arrays.
    init(_ configuration: Configuration) {
        self.init(
            configuration.routes.enumerated().compactMap { row, route in
                RouteTable.target(route.target, in: configuration).map { target in
                    Route(
                        row: row,
                        listeners: configuration.listeners.indices.filter {
                            route.listeners.contains(configuration.listeners[$0].name)
                        },
                        host: RouteTable.host(route.host), path: route.path,
                        methods: route.methods,
                        headers: route.headers.map { HeaderRule(name: $0.name, value: $0.value) },
                        target: target)
                }
            })
    }

    private static func target(_ name: TargetName, in configuration: Configuration) -> Target? {
        switch name {
        case .pool(let name):
            configuration.pools.firstIndex { $0.name == name }.map(Target.pool)
        case .split(let name):
            configuration.splits.firstIndex { $0.name == name }.map(Target.split)
        }
    }

    private static func host(_ pattern: String?) -> HostPattern {
        guard let pattern else { return .any }
        return pattern.hasPrefix("*.") ? .wildcard(String(pattern.dropFirst())) : .exact(pattern)
    }
}
