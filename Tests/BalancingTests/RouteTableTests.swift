import Balancing
import Testing

/// A request as text, and what routes it goes to.
struct RequestCase: CustomTestStringConvertible {
    var host = "example.com"
    var path = "/"
    var method = "GET"
    var listener = 0
    var fields: [(name: String, value: String)] = []

    var testDescription: String { "\(method) \(host) \(path) \(fields)" }

    func match(_ table: RouteTable) -> Int? {
        var head: [UInt8] = []
        var positions: [FieldPosition] = []
        for field in fields {
            let start = UInt16(head.count)
            head += Array(field.name.utf8)
            let valueStart = UInt16(head.count)
            head += Array(field.value.utf8)
            positions.append(
                FieldPosition(
                    nameStart: start, nameEnd: valueStart, valueStart: valueStart,
                    valueEnd: UInt16(head.count)))
        }
        let (host, path, method) = (Array(host.utf8), Array(path.utf8), Array(method.utf8))
        return table.match(
            RouteRequest(
                listenerRow: listener, host: host.span, path: path.span, method: method.span,
                fields: RequestFields(head: head.span, positions: positions.span)))
    }
}

@Suite("Routes")
struct RouteTableTests {
    private func row(_ request: RequestCase, _ routes: [Route]) -> Int? {
        let table = RouteTable(routes)
        return request.match(table).map { table.routes[$0].row }
    }

    @Test("An empty table matches nothing")
    func empty() {
        #expect(RequestCase().match(RouteTable()) == nil)
        #expect(!RouteTable().needsFields)
    }

    @Test(
        "A path prefix matches by whole segments, with or without a slash at its end",
        arguments: [
            ("/v1", true), ("/v1/", true), ("/v1/users", true), ("/v10", false), ("/v", false),
            ("/", false), ("/x/v1", false), ("/V1", false), ("", false), ("*", false),
            ("/v1//", true), ("/v1-beta", false), ("//v1", false),
        ])
    func prefix(path: String, matches: Bool) {
        for pattern in ["/v1", "/v1/"] {
            let routes = [Route(row: 7, path: pattern, target: .pool(0))]
            #expect(row(RequestCase(path: path), routes) == (matches ? 7 : nil), "\(pattern)")
        }
    }

    @Test("The path / is for all paths, like none", arguments: ["/", "/a", "/a/b", "*", ""])
    func root(path: String) {
        #expect(row(RequestCase(path: path), [Route(row: 1, path: "/", target: .pool(0))]) == 1)
        #expect(row(RequestCase(path: path), [Route(row: 1, target: .pool(0))]) == 1)
    }

    @Test(
        "A host is compared without case, port and trailing dot",
        arguments: [
            ("api.example.com", 0), ("API.Example.COM", 0), ("api.example.com:8080", 0),
            ("api.example.com.", 0), ("api.example.com.:80", 0), ("api.example.com:", 0),
            ("www.example.com", 1), ("a.b.www.example.com:1", 1), ("example.com", 2),
            (".example.com", 2), ("xexample.com", 2), ("a.deep.example.com", 3),
            ("a.b.deep.example.com", 3), ("deep.example.com", 1), ("", 2), ("[::1]:80", 4),
            ("[::1]", 4), ("10.0.0.1:80", 5), ("10.0.0.11", 2), ("api.example.com.evil", 2),
        ])
    func hosts(host: String, expected: Int) {
        let routes = [
            Route(row: 0, host: .exact("api.example.com"), target: .pool(0)),
            Route(row: 1, host: .wildcard(".example.com"), target: .pool(0)),
            Route(row: 2, host: .any, target: .pool(0)),
            Route(row: 3, host: .wildcard(".deep.example.com"), target: .pool(0)),
            Route(row: 4, host: .exact("[::1]"), target: .pool(0)),
            Route(row: 5, host: .exact("10.0.0.1"), target: .pool(0)),
        ]
        #expect(row(RequestCase(host: host), routes) == expected)
        #expect(row(RequestCase(host: host), routes.reversed()) == expected)
    }

    @Test("A host without a route for the path leaves the request to the next wider host")
    func widerHost() {
        let routes = [
            Route(row: 0, host: .exact("a.b.example.com"), path: "/exact", target: .pool(0)),
            Route(row: 1, host: .wildcard(".b.example.com"), path: "/near", target: .pool(0)),
            Route(row: 2, host: .wildcard(".example.com"), path: "/far", target: .pool(0)),
            Route(row: 3, path: "/any", target: .pool(0)),
        ]
        let host = "a.b.example.com"
        #expect(row(RequestCase(host: host, path: "/exact"), routes) == 0)
        #expect(row(RequestCase(host: host, path: "/near"), routes) == 1)
        #expect(row(RequestCase(host: host, path: "/far"), routes) == 2)
        #expect(row(RequestCase(host: host, path: "/any"), routes) == 3)
        #expect(row(RequestCase(host: host, path: "/none"), routes) == nil)
    }

    @Test("A request that the longest path refuses goes to a shorter one")
    func shorterPath() {
        let routes = [
            Route(row: 0, path: "/a/b", methods: ["POST"], target: .pool(0)),
            Route(row: 1, path: "/a", methods: ["PUT"], target: .pool(0)),
            Route(row: 2, target: .pool(0)),
        ]
        #expect(row(RequestCase(path: "/a/b/c", method: "POST"), routes) == 0)
        #expect(row(RequestCase(path: "/a/b/c", method: "PUT"), routes) == 1)
        #expect(row(RequestCase(path: "/a/b/c", method: "GET"), routes) == 2)
    }

    @Test("Methods are compared letter by letter")
    func methods() {
        let routes = [Route(row: 0, methods: ["GET", "HEAD"], target: .pool(0))]
        #expect(row(RequestCase(method: "GET"), routes) == 0)
        #expect(row(RequestCase(method: "HEAD"), routes) == 0)
        #expect(row(RequestCase(method: "get"), routes) == nil)
        #expect(row(RequestCase(method: "GETS"), routes) == nil)
        #expect(row(RequestCase(method: ""), routes) == nil)
    }

    @Test("Header rules ask for a name, or for a name with one of its values")
    func headers() {
        let routes = [
            Route(row: 0, headers: [HeaderRule(name: "x-beta")], target: .pool(0)),
            Route(
                row: 1, headers: [HeaderRule(name: "x-beta", value: "yes"), HeaderRule(name: "a")],
                target: .pool(0)),
            Route(row: 2, headers: [HeaderRule(name: "empty", value: "")], target: .pool(0)),
        ]
        #expect(RouteTable(routes).needsFields)
        func go(_ fields: (String, String)...) -> Int? {
            row(RequestCase(fields: fields.map { (name: $0.0, value: $0.1) }), routes)
        }
        #expect(go() == nil)
        #expect(go(("X-Beta", "no")) == 0)
        #expect(go(("A", ""), ("x-beta", "no"), ("X-BETA", "yes")) == 1)
        #expect(go(("A", ""), ("x-beta", "Yes")) == 0)
        #expect(go(("x-betas", "yes")) == nil)
        #expect(go(("empty", "")) == 2)
        #expect(go(("empty", "x")) == nil)
    }

    @Test("A route that is bound to a listener is for that one only, and before one that is not")
    func listeners() {
        let routes = [
            Route(row: 0, target: .pool(0)), Route(row: 1, listeners: [3, 4], target: .pool(0)),
        ]
        #expect(row(RequestCase(listener: 3), routes) == 1)
        #expect(row(RequestCase(listener: 4), routes) == 1)
        #expect(row(RequestCase(listener: 5), routes) == 0)
    }

    @Test("Between equals the order of the configuration decides")
    func fileOrder() {
        let routes = (0..<5).map { Route(row: $0, path: "/a", methods: ["GET"], target: .pool(0)) }
        #expect(row(RequestCase(path: "/a"), routes) == 0)
        #expect(row(RequestCase(path: "/a"), routes.reversed()) == 4)
    }
}
