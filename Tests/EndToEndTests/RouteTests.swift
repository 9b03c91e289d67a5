import TestSupport
import Testing

@Suite struct RouteTests {
    private static let names = [
        "any", "exact", "wild", "v1", "v1-deep", "post", "header", "header-any", "other",
    ]

    private func start(_ bed: TestBed) throws -> WeirProcess {
        let replicas = try Self.names.map { try bed.replica(ScriptedReplica.saying($0)) }
        let pools = zip(Self.names, replicas).map { name, replica in
            "  \(name): { discover: \"\(replica.address)\", probe: off }\n"
        }
        return try bed.weir(
            """
            routes:
              - { pool: any, host: "a.example" }
              - { host: shop.example.com, pool: exact }
              - { host: "*.example.com", pool: wild }
              - { host: a.example, path: /v1/, pool: v1 }
              - { host: a.example, path: /v1/deep, pool: v1-deep }
              - { host: a.example, path: /form, method: POST, pool: post }
              - { host: a.example, headers: { X-Beta: "1" }, pool: header }
              - { host: a.example, headers: { X-Alpha: "*" }, pool: header-any }
              - { host: other.example, path: /only, pool: other }
            pools:
            \(pools.joined())
            """)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let line: String
        let fields: [String]
        /// The pool that answers; nil is weir's own 404.
        let pool: String?
        var testDescription: String { "\(line) \(fields) → \(pool ?? "404")" }

        init(_ line: String, _ host: String, _ fields: String..., to pool: String?) {
            self.line = line
            self.fields = ["Host: \(host)"] + fields
            self.pool = pool
        }
    }

    static let cases = [
        Case("GET /", "a.example", to: "any"),
        Case("GET /", "a.example:8080", to: "any"),
        Case("GET /", "A.Example", to: "any"),
        Case("GET /", "shop.example.com", to: "exact"),
        Case("GET /", "blog.example.com", to: "wild"),
        Case("GET /", "a.b.example.com", to: "wild"),
        Case("GET /", "example.com", to: nil),
        Case("GET /", "badexample.com", to: nil),
        Case("GET /", "unknown.example", to: nil),
        Case("GET /v1", "a.example", to: "v1"),
        Case("GET /v1/", "a.example", to: "v1"),
        Case("GET /v1/x", "a.example", to: "v1"),
        Case("GET /v1?x=/deep", "a.example", to: "v1"),
        Case("GET /v10", "a.example", to: "any"),
        Case("GET /v1x/", "a.example", to: "any"),
        Case("GET /v1/deep", "a.example", to: "v1-deep"),
        Case("GET /v1/deep/er", "a.example", to: "v1-deep"),
        Case("GET /v1/deeper", "a.example", to: "v1"),
        Case("POST /form", "a.example", to: "post"),
        Case("GET /form", "a.example", to: "any"),
        Case("GET /", "a.example", "X-Beta: 1", to: "header"),
        Case("GET /", "a.example", "x-beta: 1", to: "header"),
        Case("GET /", "a.example", "X-Beta: 2", to: "any"),
        Case("GET /", "a.example", "X-Alpha: whatever", to: "header-any"),
        Case("GET /only/this", "other.example", to: "other"),
        Case("GET /else", "other.example", to: nil),
    ]

    @Test("The most specific route takes the request, whatever the order of the file")
    func table() throws {
        try TestBed.run { bed in
            let weir = try start(bed)
            let client = try bed.connect(to: weir)
            for route in Self.cases {
                let text = "\(route.line) HTTP/1.1\r\n" + route.fields.map { "\($0)\r\n" }.joined()
                let response = try client.roundTrip(text + "\r\n")
                if let pool = route.pool {
                    #expect(response.text == pool, "\(route.testDescription)")
                } else {
                    #expect(response.status == 404, "\(route.testDescription)")
                    #expect(response.reason != nil)
                }
            }
        }
    }

    @Test("Several listeners serve side by side, with routes of their own")
    func listeners() throws {
        try TestBed.run { bed in
            let inside = try bed.replica(ScriptedReplica.saying("inside"))
            let outside = try bed.replica(ScriptedReplica.saying("outside"))
            let (one, two, three) = (
                LoopbackAddress.unique(), LoopbackAddress.unique(), LoopbackAddress.unique()
            )
            _ = try bed.weir(
                """
                listeners:
                  one: { bind: "\(one)" }
                  two: { bind: "\(two)" }
                  three: { bind: "\(three)", protocol: tcp, pool: inside }
                routes:
                  - { listener: one, pool: inside }
                  - { listener: two, pool: outside }
                pools:
                  inside: { discover: "\(inside.address)", probe: off }
                  outside: { discover: "\(outside.address)", probe: off }
                """)
            #expect(try bed.connect(to: one).roundTrip(request("GET /")).text == "inside")
            #expect(try bed.connect(to: two).roundTrip(request("GET /")).text == "outside")
            #expect(try bed.connect(to: three).roundTrip(request("GET /")).text == "inside")
        }
    }
}
