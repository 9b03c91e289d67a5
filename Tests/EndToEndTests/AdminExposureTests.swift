import TestSupport
import Testing

/// What SECURITY.md says of the admin address, asked of the program as a stranger would.
@Suite struct AdminExposureTests {
    private static func run(_ body: (TestBed, WeirProcess) throws -> Void) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            try weir.awaitReady(1)
            try body(bed, weir)
        }
    }

    @Test("No path leads out of the files that the program holds")
    func traversal() throws {
        try Self.run { bed, weir in
            for path in [
                "/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                "//etc/passwd", "/dashboard/../../etc/passwd", "/.%00/etc/passwd",
            ] {
                let answer = try bed.connect(to: weir.admin).roundTrip(
                    request("GET \(path)", "Host: localhost"))
                #expect([400, 404].contains(answer.status ?? 0), "\(path): \(answer.startLine)")
                #expect(!answer.text.contains("root:"))
            }
        }
    }

    @Test("A page that leads here under its own name can neither read nor change anything")
    func rebinding() throws {
        try Self.run { bed, weir in
            for host in ["evil.example", "evil.example:9900", "a.b", "127.0.0.1.evil.example"] {
                for ask in ["GET /status", "GET /metrics", "GET /events", "POST /pools/web/pause"] {
                    let answer = try bed.connect(to: weir.admin).roundTrip(
                        request(ask, "Host: \(host)", "Content-Length: 0"))
                    #expect(answer.status == 403, "\(ask) of \(host): \(answer.startLine)")
                }
            }
        }
    }

    @Test("A form on a stranger's page changes nothing, whatever fields a browser lets it send")
    func forgery() throws {
        try Self.run { bed, weir in
            for path in ["/pools/web/pause", "/reload", "/drain", "/drain/self", "/upgrade"] {
                let answer = try bed.connect(to: weir.admin).roundTrip(
                    request(
                        "POST \(path)", "Host: localhost", "Origin: http://evil.example",
                        "Sec-Fetch-Site: cross-site", "Content-Type: text/plain",
                        "Cookie: a=b", body: "{}"))
                #expect(answer.status == 403, "\(path): \(answer.startLine)")
            }
            #expect(try weir.states(of: "web").values.allSatisfy { $0 == "ready" })
            let pool = try JSON(weir.ask("/status").text)["pools"].first("name", "web")
            #expect(pool["paused"] == .bool(false))
        }
    }

    @Test("Nothing lets another origin read, and no value of a client becomes a field of an answer")
    func origins() throws {
        try Self.run { bed, weir in
            let answer = try bed.connect(to: weir.admin).roundTrip(
                request("GET /status", "Host: localhost", "Origin: http://evil.example"))
            #expect(answer["access-control-allow-origin"] == nil)
            let odd = try bed.connect(to: weir.admin).roundTrip(
                request("GET /a%0d%0aX-Evil:%20b", "Host: localhost"))
            #expect(odd["x-evil"] == nil)
        }
    }
}
