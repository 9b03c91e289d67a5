@testable import Balancing
import Testing

/// The index against a reading of the rules that tries all routes.
@Suite("Precedence of routes")
struct RoutePrecedenceTests {
    private let hosts: [HostPattern] = [
        .any, .exact("a.x.test"), .exact("x.test"), .exact("b.test"), .wildcard(".x.test"),
        .wildcard(".test"), .wildcard(".a.x.test"),
    ]
    private let paths: [String?] = [nil, "/", "/a", "/a/", "/a/b", "/ab", "/a-b", "/a/b/c", "/b"]
    private let methods: [[String]] = [[], ["GET"], ["POST", "GET"]]
    private let headers: [[HeaderRule]] = [
        [], [HeaderRule(name: "h")], [HeaderRule(name: "h"), HeaderRule(name: "i", value: "1")],
    ]

    private var requests: [RequestCase] {
        let hosts = ["a.x.test", "c.x.test:80", "x.test", "B.test.", "z.a.x.test", "else", ""]
        let paths = [
            "/", "/a", "/a/", "/a/b", "/a/b/c/d", "/ab", "/a-b/c", "/abc", "/b/a", "/c", "*",
        ]
        let fields: [[(name: String, value: String)]] = [
            [], [("H", "x")], [("h", "x"), ("I", "1")], [("h", "x"), ("i", "2")],
        ]
        return hosts.flatMap { host in
            paths.flatMap { path in
                ["GET", "POST", "PUT"].flatMap { method in
                    fields.map {
                        RequestCase(host: host, path: path, method: method, fields: $0)
                    }
                }
            }
        }
    }

    @Test("All pairs of kinds of routes, in both orders, are judged as by the rules")
    func pairs() {
        var routes: [Route] = []
        for host in hosts {
            for path in paths {
                routes.append(Route(row: 0, host: host, path: path, target: .pool(0)))
            }
        }
        for method in methods {
            for header in headers {
                routes.append(
                    Route(row: 0, path: "/a", methods: method, headers: header, target: .pool(0)))
            }
        }
        var random = Seeded(7)
        let requests = requests
        for _ in 0..<1500 {
            var pair = [
                routes.randomElement(using: &random)!, routes.randomElement(using: &random)!,
            ]
            pair[0].row = 0
            pair[1].row = 1
            check(pair, requests.shuffled(using: &random).prefix(60))
        }
    }

    @Test("Storms of random tables are judged as by the rules", arguments: 0..<60 as Range<UInt64>)
    func storm(seed: UInt64) {
        var random = Seeded(seed)
        let routes = (0..<Int.random(in: 1...60, using: &random)).map { row in
            Route(
                row: row, listeners: Bool.random(using: &random) ? [] : [row % 3],
                host: hosts.randomElement(using: &random)!,
                path: paths.randomElement(using: &random)!,
                methods: methods.randomElement(using: &random)!,
                headers: headers.randomElement(using: &random)!, target: .pool(row))
        }
        check(routes, requests[...])
    }

    private func check(_ routes: [Route], _ requests: ArraySlice<RequestCase>) {
        let table = RouteTable(routes)
        for request in requests {
            let found = request.match(table).map { table.routes[$0].row }
            let expected = PlainRules.best(routes, for: request)
            if found != expected {
                Issue.record(
                    "\(request): \(found as Int?) instead of \(expected as Int?), \(routes)")
                return
            }
        }
    }

    @Test("A thousand routes are found with as few steps as one")
    func thousandRoutes() {
        let shapes: [(Int) -> Route] = [
            { Route(row: $0, host: .exact("app-\($0).example.com"), target: .pool(0)) },
            { Route(row: $0, host: .wildcard(".app-\($0).example.com"), target: .pool(0)) },
            { Route(row: $0, path: "/service-\($0)/v1", target: .pool(0)) },
            {
                Route(
                    row: $0, host: .exact("h\($0 % 30).test"), path: "/p\($0 / 30)",
                    target: .pool(0))
            },
        ]
        for shape in shapes {
            let table = RouteTable((0..<1000).map(shape))
            #expect(table.paths.largestGroup == 1)
            #expect(table.hosts.longestSearch <= 24)
            #expect(table.paths.longestSearch <= 24)
        }
    }
}

/// The rules of precedence, read one by one with strings.
enum PlainRules {
    static func best(_ routes: [Route], for request: RequestCase) -> Int? {
        let matching = routes.enumerated().filter { matches($0.element, request) }
        return matching.min { left, right in
            let (a, b) = (rank(left.element), rank(right.element))
            return a != b ? a.lexicographicallyPrecedes(b) : left.offset < right.offset
        }?.element.row
    }

    private static func rank(_ route: Route) -> [Int] {
        let host =
            switch route.host {
            case .exact: -1000
            case .wildcard(let suffix): -suffix.utf8.count
            case .any: 0
            }
        return [
            host, -segments(route.path ?? "").count, -trimmed(route.path ?? "").utf8.count,
            route.methods.isEmpty ? 1 : 0, -route.headers.count, route.listeners.isEmpty ? 1 : 0,
        ]
    }

    private static func trimmed(_ path: String) -> Substring {
        path.hasSuffix("/") ? path.dropLast() : Substring(path)
    }

    private static func segments(_ path: String) -> [Substring] {
        trimmed(path).split(separator: "/", omittingEmptySubsequences: false)
    }

    private static func matches(_ route: Route, _ request: RequestCase) -> Bool {
        var host = request.host.lowercased().split(separator: ":").first.map(String.init) ?? ""
        if host.hasSuffix(".") { host.removeLast() }
        let hostFits =
            switch route.host {
            case .any: true
            case .exact(let name): host == name
            case .wildcard(let suffix): host.hasSuffix(suffix) && host.count > suffix.count
            }
        let path = segments(route.path ?? "")
        let pathFits =
            path.isEmpty || path == [""]
            || request.path.split(separator: "/", omittingEmptySubsequences: false).starts(
                with: path)
        return hostFits && pathFits
            && (route.methods.isEmpty || route.methods.contains(request.method))
            && (route.listeners.isEmpty || route.listeners.contains(request.listener))
            && route.headers.allSatisfy { rule in
                request.fields.contains {
                    $0.name.lowercased() == rule.name && (rule.value ?? $0.value) == $0.value
                }
            }
    }
}
