import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("The admin interface")
struct AdminServerTests {
    private func configuration() -> Configuration {
        var configuration = ControlDesk.configuration(
            pools: [ControlDesk.pool("a", [LoopbackAddress.unique()]), ControlDesk.pool("b", [])])
        configuration.splits = [SplitConfiguration(name: "s", weights: [("a", 95), ("b", 5)])]
        return configuration
    }

    @Test("Live, ready, status and metrics answer over TCP and over the Unix socket")
    func reads() throws {
        try AdminBed.run(configuration()) { bed in
            for client in [bed.client, bed.networkClient] {
                #expect(try client.get("/live").status == 200)
                let report = try StatusJSON.report(from: try client.get("/status").body)
                #expect(report.pools.map(\.name) == ["a", "b"])
                _ = try MetricsLint(try client.get("/metrics").text)
            }
        }
    }

    @Test("It becomes ready when a pool is, though another has no replica at all")
    func ready() throws {
        var configuration = configuration()
        configuration.pools.removeLast()
        configuration.splits = []
        try AdminBed.run(configuration) { bed in
            try eventually("ready") { try bed.client.get("/ready").status == 200 }
        }
        configuration.pools = [ControlDesk.pool("empty", [])]
        try AdminBed.run(configuration) { bed in
            let answer = try bed.client.get("/ready")
            #expect(answer.status == 503)
            #expect(answer.text == "not ready\npool empty: no replica was found yet\n")
        }
    }

    @Test("Weights are changed over the Unix socket")
    func shift() throws {
        try AdminBed.run(configuration()) { bed in
            let answer = try bed.client.post("/splits/s", ["weights": ["b": 20]])
            #expect(answer.status == 200)
            let json = try JSONValue(parsing: answer.body)
            #expect(json["weights"]?.array?.last?["weight"] == 20)
            #expect(json["weights"]?.array?.last?["file_weight"] == 5)
            let report = try StatusJSON.report(from: try bed.client.get("/status").body)
            #expect(report.splits[0].parts.map(\.weight) == [95, 20])
            #expect(report.events.contains { $0.text.contains("split=s") })
        }
    }

    @Test("Without a token nothing can be changed over TCP, and the answer says where it can")
    func readOnly() throws {
        try AdminBed.run(configuration()) { bed in
            for path in ["/splits/s", "/reload", "/drain", "/pools/a/pause"] {
                let answer = try bed.networkClient.post(path, ["weights": ["b": 20]])
                #expect(answer.status == 403)
                #expect(answer.problem.contains("admin: { token_file: PATH }"))
                #expect(answer.problem.hasSuffix("the Unix socket is unix:\(bed.socketPath)"))
            }
            let report = try StatusJSON.report(from: try bed.client.get("/status").body)
            #expect(report.splits[0].parts.map(\.weight) == [95, 5])
        }
    }

    @Test(
        "A wrong change is refused with what is accepted",
        arguments: [
            ("/splits/x", "{}", 404, "there is no split \"x\"; there is s"),
            ("/splits/s", "", 400, "body: byte 0: a value is missing"),
            ("/splits/s", "[]", 400, "found an array; expected {\"weights\""),
            ("/splits/s", "{\"weight\":{}}", 400, "\"weight\" is not known"),
            (
                "/splits/s", "{\"weights\":{\"a\":1.5}}", 400,
                "the weight of a is not a whole number"
            ),
            ("/splits/s", "{\"weights\":{\"c\":1}}", 422, "no pool \"c\"; it has a, b"),
            ("/splits/s", "{\"weights\":{\"a\":0,\"b\":0}}", 422, "all weights would be 0"),
        ])
    func refused(path: String, body: String, status: Int, message: String) throws {
        try AdminBed.run(configuration()) { bed in
            let routes = try bed.client.post(
                path, body.isEmpty ? nil : try JSONValue(parsing: body))
            #expect(routes.status == status)
            #expect(routes.problem.contains(message), "\(routes.problem)")
        }
    }

    @Test("The verbs of the command line do what they say, and a refusal is thrown in weir's words")
    func verbs() throws {
        try AdminBed.run(configuration()) { bed in
            let client = try AdminClient("unix:\(bed.socketPath)")
            try client.shift("s", [("a", 1), ("b", 3)])
            let report = try client.status()
            #expect(report.splits[0].parts.map(\.sharePercent) == [25, 75])
            try client.reload()
            let error = #expect(throws: AdminError.self) { try client.shift("s", [("c", 1)]) }
            #expect(error?.description == "split s has no pool \"c\"; it has a, b")
        }
        #expect(throws: AdminError.self) { try AdminClient("ftp://x") }
    }

    @Test("A reload answers with the generation")
    func reload() throws {
        try AdminBed.run(configuration()) { bed in
            let answer = try bed.client.post("/reload")
            #expect(answer.status == 200)
            #expect(
                try JSONValue(parsing: answer.body)["generation"]?.integer.map { $0 > 1 } == true)
        }
    }

    @Test("An unknown path and a wrong method are told what there is")
    func unknown() throws {
        try AdminBed.run(configuration()) { bed in
            #expect(try bed.client.get("/stats").status == 404)
            #expect(try bed.client.get("/stats").problem.contains("/status"))
            let wire = try Wire(to: bed.address)
            let answer = try wire.roundTrip("DELETE /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(answer.status == 405)
            #expect(answer["allow"] == "GET, HEAD")
            #expect(try bed.client.get("/reload").status == 405)
        }
    }

    @Test(
        "A browser that was led here under a stranger's name is refused",
        arguments: [
            ("localhost", 200), ("127.0.0.1:9900", 200), ("[::1]:9900", 200), ("weir:9900", 200),
            ("app.localhost", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
        ])
    func rebinding(host: String, status: Int) throws {
        try AdminBed.run(configuration()) { bed in
            let wire = try Wire(to: bed.address)
            let answer = try wire.roundTrip("GET /live HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(answer.status == status)
        }
    }
}
