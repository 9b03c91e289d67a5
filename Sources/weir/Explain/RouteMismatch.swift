internal import Balancing

/// Why a request does not take a route: each condition is tried alone, by the table that serves
/// real requests.
struct RouteMismatch {
    /// What the request has that the route does not want, in words; empty if it wants it.
    let conditions: [String]

    init(_ route: Route, _ request: ImaginedRequest, listenerRow: Int, listener: String) {
        let pool = Target.pool(0)
        var alone: [(route: Route, words: String)] = [
            (Route(row: 0, listeners: route.listeners, target: pool), "listener \(listener)"),
            (Route(row: 0, host: route.host, target: pool), "host \(request.host)"),
            (Route(row: 0, path: route.path, target: pool), "path \(request.path)"),
            (Route(row: 0, methods: route.methods, target: pool), "method \(request.method)"),
        ]
        alone += route.headers.map { header in
            let value = header.value.map { ": \($0)" } ?? ""
            return (Route(row: 0, headers: [header], target: pool), "no \(header.name)\(value)")
        }
        conditions = alone.compactMap { part in
            let isMatch = request.match(in: RouteTable([part.route]), listenerRow: listenerRow)
            return isMatch == nil ? part.words : nil
        }
    }
}
