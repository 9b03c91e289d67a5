import TestSupport
import Testing

@Suite struct AccessLogTests {
    /// The lines of the access log after some requests.
    private func lines(_ log: String, _ requests: [String], count: Int) throws -> [String] {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/access.log"
        var lines: [String] = []
        try TestBed.run { bed in
            let replica = try bed.replica(
                ScriptedReplica.serving { request in
                    request.target == "/bad" ? Reply("no", status: "500 Oh") : Reply("ok")
                })
            let weir = try bed.weir(to: replica, rest: "log: { access: \(path), \(log) }")
            let client = try bed.connect(to: weir)
            for request in requests { _ = try client.roundTrip(request) }
            try eventually("the lines are there") {
                lines = try TextFile.read(path).split(separator: "\n").map(String.init)
                return lines.count >= count
            }
        }
        return lines
    }

    @Test("The combined form is that of Apache and nginx, and no value can end its quotes")
    func combined() throws {
        let seen = try lines(
            "format: combined",
            [request("GET /a", "User-Agent: x\"y", "Referer: http://r/"), request("GET /")],
            count: 2)
        let form = /^127\.\d+\.\d+\.\d+ - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET/
        #expect(seen.allSatisfy { $0.contains(form) }, "\(seen)")
        #expect(seen[0].hasSuffix("\"http://r/\" \"x\\u0022y\""), "\(seen)")
        #expect(seen[1].contains("\"GET / HTTP/1.1\" 200 "), "\(seen)")
        #expect(seen[1].hasSuffix("\"-\" \"-\""), "\(seen)")
    }

    @Test("Of what went well only a share has a line, of what failed everything; traces on request")
    func sampled() throws {
        let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let requests = Array(repeating: request("GET /"), count: 10)
        let seen = try lines(
            "sample: 10%, trace_ids: on", requests + [request("GET /bad", trace)], count: 2)
        #expect(seen.count == 2, "\(seen)")
        #expect(seen[1].contains("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""), "\(seen)")
    }
}
