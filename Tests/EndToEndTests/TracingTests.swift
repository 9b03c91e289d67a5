import TestSupport
import Testing

@Suite struct TracingTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parentID = "00f067aa0ba902b7"

    /// Takes what OTLP sends, and keeps it.
    private final class Collector: Sendable {
        let bodies = Guarded<[String]>([])
        let heads = Guarded<[WireMessage]>([])

        /// Answers with these, one after the other, then with 200.
        func script(_ answers: [String] = []) -> ScriptedReplica.Script {
            let left = Guarded(answers)
            return ScriptedReplica.serving { [self] message in
                let answer = left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                heads.withLock { $0.append(message) }
                if let answer { return Reply("", status: answer) }
                bodies.withLock { $0.append(message.text) }
                return Reply("{}")
            }
        }

        /// All spans that have come, as they stand in their batches.
        func spans() throws -> [JSON] {
            try bodies.withLock { $0 }.flatMap { body in
                let resource = try JSON(body)["resourceSpans"]
                let name = resource[0]["resource"]["attributes"].first("key", "service.name")
                #expect(name["value"]["stringValue"].string == "front")
                let scope = resource[0]["scopeSpans"][0]
                #expect(scope["scope"]["name"].string == "weir")
                return scope["spans"].array
            }
        }

        func awaitSpans(_ count: Int) throws -> [JSON] {
            var seen: [JSON] = []
            try eventually(within: 20, "\(count) spans came, not \(seen.count)") {
                seen = try spans()
                return seen.count >= count
            }
            return seen
        }
    }

    /// The value of an attribute as text; its kind must be one that OTLP knows.
    private func attribute(_ name: String, _ span: JSON) -> String? {
        let value = span["attributes"].first("key", name)["value"]
        return value["stringValue"].string ?? value["intValue"].string
    }

    /// What a span must be like by the schema of OTLP in JSON.
    private func checkShape(_ span: JSON) {
        let known: Set = [
            "traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind",
            "startTimeUnixNano", "endTimeUnixNano", "attributes", "status",
        ]
        guard case .object(let members) = span else {
            Issue.record("no object: \(span)")
            return
        }
        #expect(Set(members.keys).isSubset(of: known), "\(members.keys)")
        func isHexadecimal(_ name: String, _ count: Int) -> Bool {
            span[name].string?.wholeMatch(of: /[0-9a-f]+/)?.output.count == count
        }
        #expect(isHexadecimal("traceId", 32) && isHexadecimal("spanId", 16), "\(span)")
        #expect(span["parentSpanId"] == .null || isHexadecimal("parentSpanId", 16), "\(span)")
        let start = span["startTimeUnixNano"].string.flatMap { UInt64($0) }
        let end = span["endTimeUnixNano"].string.flatMap { UInt64($0) }
        #expect(start ?? 0 > 1_700_000_000_000_000_000 && end ?? 0 >= start ?? 0, "\(span)")
        #expect([2, 3].contains(span["kind"].int), "\(span)")
        #expect(span["flags"].int.map { $0 & 0x1ff } == 0x101, "\(span)")
        for attribute in span["attributes"].array {
            #expect(attribute["key"].string?.isEmpty == false)
            guard case .object(let value) = attribute["value"] else {
                Issue.record("no value: \(attribute)")
                continue
            }
            #expect(value.count == 1, "\(attribute)")
            let number = value["intValue"]?.string.flatMap { Int64($0) }
            #expect(value["stringValue"]?.string != nil || number != nil, "\(attribute)")
        }
    }

    private func configuration(_ collector: ScriptedReplica, _ rest: String = "") -> String {
        "tracing: { otlp: \"http://\(collector.address)\", service: front\(rest) }"
    }

    @Test("A retried exchange is a span with two attempts below it, and each replica knows its own")
    func retried() throws {
        try TestBed.run { bed in
            let collector = Collector()
            let place = try bed.replica(collector.script())
            let parents = Guarded<[String]>([])
            let script = ScriptedReplica.serving { request in
                let count = parents.withLock {
                    $0.append(request["traceparent"] ?? "")
                    return $0.count
                }
                return Reply("ok", status: count == 1 ? "503 Later" : "200 OK")
            }
            let weir = try bed.weir(
                to: try bed.replica(script), try bed.replica(script),
                pool: "probe: { tcp: true }\nretry: { statuses: [503] }",
                rest: configuration(place))
            try weir.awaitReady(2)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(
                request("GET /a/b?secret=1", "User-Agent: test/1", "tracestate: x=y"))
            #expect(response.status == 200)
            let spans = try collector.awaitSpans(3)
            #expect(spans.count == 3)
            spans.forEach(checkShape)
            let server = try #require(spans.first { $0["kind"].int == 2 })
            #expect(attribute("weir.request_id", server) == response["x-request-id"])
            try checkExchange(server)
            try checkAttempts(
                spans.filter { $0["kind"].int == 3 }, of: server, told: parents.withLock { $0 })
            let heads = collector.heads.withLock { $0 }
            let head = try #require(heads.first)
            #expect(head.startLine == "POST /v1/traces HTTP/1.1")
            #expect(head["content-type"] == "application/json")
        }
    }

    private func checkExchange(_ server: JSON) throws {
        #expect(server["parentSpanId"] == .null && server["traceState"] == .null)
        #expect(server["name"].string == "GET" && server["status"] == .null)
        let expected = [
            ("http.request.method", "GET"), ("url.path", "/a/b"), ("url.scheme", "http"),
            ("http.response.status_code", "200"), ("user_agent.original", "test/1"),
            ("network.protocol.version", "1.1"), ("weir.pool", "web"), ("weir.listener", "web"),
            ("client.address", "127.0.0.1"),
        ]
        for (name, value) in expected { #expect(attribute(name, server) == value, "\(name)") }
        #expect(attribute("error.type", server) == nil)
    }

    private func checkAttempts(_ attempts: [JSON], of server: JSON, told: [String]) throws {
        try #require(attempts.count == 2 && told.count == 2)
        let trace = server["traceId"].string ?? ""
        for (attempt, told) in zip(attempts, told) {
            #expect(attempt["traceId"].string == trace)
            #expect(attempt["parentSpanId"] == server["spanId"])
            #expect(told == "00-\(trace)-\(attempt["spanId"].string ?? "")-01")
            #expect(attribute("network.peer.address", attempt)?.hasPrefix("127.") == true)
            #expect(attribute("server.port", attempt) == "8080")
            #expect(attribute("url.full", attempt)?.hasSuffix(":8080/a/b") == true)
        }
        #expect(attribute("error.type", attempts[0]) == "retried_status")
        #expect(attribute("http.response.status_code", attempts[0]) == "503")
        #expect(attempts[0]["status"]["code"].int == 2)
        #expect(attribute("http.response.status_code", attempts[1]) == "200")
        #expect(attribute("http.request.resend_count", attempts[0]) == nil)
        #expect(attribute("http.request.resend_count", attempts[1]) == "1")
        #expect(attempts[1]["status"] == .null)
    }

    /// What a replica is told of requests with these fields.
    private func told(
        _ settings: String, listener: String = "", _ requests: [[String]]
    ) throws -> (told: [WireMessage], spans: [JSON]) {
        var seen: [WireMessage] = []
        var spans: [JSON] = []
        try TestBed.run { bed in
            let collector = Collector()
            let place = try bed.replica(collector.script())
            let heads = Guarded<[WireMessage]>([])
            let replica = try bed.replica(
                ScriptedReplica.serving { request in
                    heads.withLock { $0.append(request) }
                    return Reply("ok")
                })
            let address = LoopbackAddress.unique()
            let listeners = "listeners: { web: { bind: \"\(address)\"\(listener) } }\n"
            let weir = try bed.own(
                WeirProcess(
                    listeners + "routes: [{ pool: web }]\npools:\n  web: { probe: off,"
                        + " discover: [\"\(replica.address)\"] }\n"
                        + configuration(place, settings), address: address))
            let client = try bed.connect(to: weir)
            for fields in requests {
                let lines = ["Host: a.example"] + fields
                let text = lines.map { $0 + "\r\n" }.joined()
                #expect(try client.roundTrip("GET / HTTP/1.1\r\n\(text)\r\n").status == 200)
            }
            client.close()
            weir.process.signal(15)
            #expect(try weir.process.exitCode() == 0)
            seen = heads.withLock { $0 }
            spans = try collector.spans()
        }
        return (seen, spans)
    }

    @Test("A trace goes on with weir's attempt as parent, with the client's span above weir's")
    func continued() throws {
        let value = "00-\(Self.traceID)-\(Self.parentID)-01"
        let result = try told("", [["traceparent: \(value)", "tracestate: a=b,c=d"]])
        #expect(result.spans.count == 2)
        let server = try #require(result.spans.first { $0["kind"].int == 2 })
        let attempt = try #require(result.spans.first { $0["kind"].int == 3 })
        #expect(server["traceId"].string == Self.traceID)
        #expect(server["parentSpanId"].string == Self.parentID)
        #expect(server["traceState"].string == "a=b,c=d")
        #expect(server["flags"].int == 0x301)
        let own = "00-\(Self.traceID)-\(attempt["spanId"].string ?? "")-01"
        #expect(result.told[0].values("traceparent") == [own])
        #expect(result.told[0].values("tracestate") == ["a=b,c=d"])
    }

    @Test("What is not recorded goes on unchanged, or begins a trace that nobody need record")
    func notRecorded() throws {
        let value = "00-\(Self.traceID)-\(Self.parentID)-01"
        let result = try told(
            ", sample: 0%",
            [
                ["traceparent: \(value)", "tracestate: a=b"], [],
                ["traceparent: 00-\(Self.traceID)-0000000000000000-01", "tracestate: a=b"],
                ["traceparent: \(value)", "traceparent: \(value)"],
            ])
        #expect(result.spans.isEmpty)
        #expect(result.told[0].values("traceparent") == [value])
        #expect(result.told[0].values("tracestate") == ["a=b"])
        for request in result.told.dropFirst() {
            let own = try #require(request["traceparent"])
            #expect(own.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-00/) != nil, "\(own)")
            #expect(!own.contains(Self.traceID), "\(own)")
            #expect(request.values("tracestate").isEmpty)
        }
    }

    @Test("Whether a trace is recorded a trusted client decides, and nobody else")
    func trusted() throws {
        let sampled = "traceparent: 00-\(Self.traceID)-\(Self.parentID)-01"
        let unsampled = "traceparent: 00-\(Self.traceID)-\(Self.parentID)-00"
        let trusting = ", trust: [\"127.0.0.0/8\"]"
        #expect(try told(", sample: 0%", listener: trusting, [[sampled]]).spans.count == 2)
        #expect(try told(", sample: 100%", listener: trusting, [[unsampled]]).spans.isEmpty)
        #expect(try told(", sample: 0%", [[sampled]]).spans.isEmpty)
        #expect(try told(", sample: 100%", [[unsampled]]).spans.count == 2)
    }

    @Test("A collector that is overloaded is asked again, one that refuses is not; both count")
    func collectorFails() throws {
        try TestBed.run { bed in
            let collector = Collector()
            // The second line is a field.
            let answers = ["503 Later\r\nRetry-After: 1", "400 Bad"]
            let place = try bed.replica(collector.script(answers))
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: configuration(place))
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            try eventually(within: 20, "the spans are refused") {
                try weir.ask("/metrics").text.contains("weir_spans_lost_total 2\n")
            }
            #expect(collector.heads.withLock(\.count) == 2)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            _ = try collector.awaitSpans(2)
            try eventually("the spans are counted") {
                try weir.ask("/metrics").text.contains("weir_spans_exported_total 2\n")
            }
            #expect(weir.standardError.contains("spans do not reach"), "\(weir.standardError)")
            #expect(weir.standardError.contains("again"), "\(weir.standardError)")
        }
    }

    @Test("Requests are served as ever when nobody takes the spans, and weir ends in time")
    func noCollector() throws {
        try TestBed.run { bed in
            let place = try bed.replica(ScriptedReplica.saying("no"))
            place.stop()
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: configuration(place))
            let client = try bed.connect(to: weir)
            for _ in 0..<100 { #expect(try client.roundTrip(request("GET /")).status == 200) }
        }
    }

    @Test("A silent collector makes rings full; what finds no room is counted, and nobody waits")
    func full() throws {
        try TestBed.run { bed in
            let place = try bed.replica { wire in
                _ = try wire.readRequest()
                _ = try wire.readToEnd()
            }
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: configuration(place))
            let client = try bed.connect(to: weir)
            let long = request("GET /", "User-Agent: " + String(repeating: "\"", count: 1_024))
            try eventually(within: 60, "spans are dropped") {
                for _ in 0..<200 { #expect(try client.roundTrip(long).status == 200) }
                let metrics = try weir.ask("/metrics").text
                return !metrics.contains("weir_worker_spans_dropped_total{worker=\"0\"} 0\n")
            }
        }
    }
}
