/// The routes, the most specific first, and an index that finds the right one without trying all.
///
/// A request is first put into the most specific group of hosts that it belongs to, then into the
/// longest path prefix of that group. Whatever is less specific hangs above as a chain of parents,
/// so one pass over the host and one over the path find everything that could match, in order.
public struct RouteTable: Sendable {
    /// In match order: exact host, longer wildcard, shorter wildcard, any host; in these longer
    /// path prefixes before shorter; then with methods before without, more headers before fewer,
    /// bound to listeners before not; then the order of the configuration.
    public let routes: [Route]
    /// Whether any route has a rule about header fields, so that requests must bring them.
    public let needsFields: Bool
    let hosts: HostIndex
    let paths: PathIndex
    private let conditions: RouteConditions
    /// As they were given.
    private let configured: [Route]
    /// Of `routes`, flat: a look at one of these counts no reference.
    private let outcomes: [RouteOutcome]

    /// No routes: nothing matches.
    public init() { self.init([]) }

    /// - Parameter routes: in the order of the configuration; it only decides between equals.
    public init(_ routes: [Route]) {
        configured = routes
        let ordered = routes.enumerated()
            .map { (rank: RouteRank($0.element, order: $0.offset), route: $0.element) }
            .sorted { $0.rank < $1.rank }
        self.routes = ordered.map(\.route)
        needsFields = routes.contains { !$0.headers.isEmpty }
        hosts = HostIndex(ordered.map(\.rank.host))
        paths = PathIndex(ordered.map(\.rank))
        conditions = RouteConditions(self.routes)
        outcomes = self.routes.enumerated().map { position, route in
            RouteOutcome(
                row: route.row, target: route.target,
                honoursIdempotencyKey: route.honoursIdempotencyKey,
                limitedPosition: route.rateLimit == nil ? -1 : position)
        }
    }

    /// The same, at no cost if `known` was made of the same routes.
    public init(_ routes: [Route], orSame known: RouteTable) {
        self = known.configured == routes ? known : RouteTable(routes)
    }

    /// What becomes of a request, by the first route that matches; nil if none does.
    public func outcome(of request: borrowing RouteRequest) -> RouteOutcome? {
        guard let position = match(request) else { return nil }
        return outcomes[position]
    }

    /// The position in `routes` of the first that matches, or nil.
    ///
    /// - Complexity: O(length of host and path), plus the routes that share this host and path and
    ///   differ in method, headers or listener only. Allocates nothing.
    public func match(_ request: borrowing RouteRequest) -> Int? {
        var host = hosts.mostSpecific(request.host)
        while host >= 0 {
            var path = paths.longestPrefix(of: request.path, host: host)
            while path >= 0 {
                let group = paths.group(path)
                for route in Int(group.first)..<Int(group.end)
                where conditions.admit(route, request) {
                    return route
                }
                path = group.parent
            }
            host = hosts.parent(of: host)
        }
        return nil
    }
}

/// What becomes of a request that a route matches.
public struct RouteOutcome: Sendable {
    /// Of the route, for logs.
    public let row: Int
    public let target: Target
    /// A request with `Idempotency-Key` counts as idempotent, whatever its method.
    public let honoursIdempotencyKey: Bool
    /// The route's position in `routes` if it has a rate limit, else -1.
    public let limitedPosition: Int
}

/// How specific a route is; smaller comes first.
struct RouteRank: Comparable {
    let host: HostKey
    /// Without a trailing slash, so that the root is empty.
    let path: [UInt8]
    private let methods: Int
    private let headers: Int
    private let listeners: Int
    private let order: Int

    init(_ route: Route, order: Int) {
        host = HostKey(route.host)
        var path = Array((route.path ?? "").utf8)
        if path.last == UInt8(ascii: "/") { path.removeLast() }
        self.path = path
        methods = route.methods.isEmpty ? 1 : 0
        headers = -route.headers.count
        listeners = route.listeners.isEmpty ? 1 : 0
        self.order = order
    }

    static func < (left: RouteRank, right: RouteRank) -> Bool {
        if left.host != right.host { return left.host < right.host }
        if left.path != right.path { return longerFirst(left.path, right.path) }
        return (left.methods, left.headers, left.listeners, left.order)
            < (right.methods, right.headers, right.listeners, right.order)
    }
}

/// The order among different keys of a kind: no request belongs to two of the same length, so the
/// bytes only serve to bring equal keys together.
func longerFirst(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count != right.count
        ? left.count > right.count
        : left.lexicographicallyPrecedes(right)
}
