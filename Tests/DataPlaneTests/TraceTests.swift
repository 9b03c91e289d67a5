import HTTP
import Testing
import Transport

@testable import DataPlane

@Suite("Traces: what is recorded, and how it is written")
struct TraceTests {
    @Test("A share of all traces is recorded: none, all, or about as many as it says")
    func sampling() {
        var random = RandomBits(seed: 20_261_128)
        let numbers = (0..<10_000).map { _ in random.next() }
        for (share, range) in [(0, 0...0), (1, 10_000...10_000), (0.1, 900...1_100)] {
            let sampler = TraceSampler(share: share)
            #expect(range.contains(numbers.count { sampler.takes($0) }), "\(share)")
        }
        #expect(TraceSampler(share: 0.5).takes(.max >> 1))
        #expect(!TraceSampler(share: 0.5).takes(.max >> 1 + 1))
    }

    @Test("The attempts of an exchange have ids of their own, which nobody else has")
    func ids() {
        var random = RandomBits(seed: 7)
        var seen: Set<UInt64> = []
        for _ in 0..<1_000 {
            let exchange = SpanID.next(&random)
            seen.insert(exchange)
            for number in 1...6 { seen.insert(SpanID.attempt(number, of: exchange)) }
        }
        #expect(seen.count == 7_000)
        #expect(!seen.contains(0))
        #expect(SpanID.attempt(2, of: 5) == SpanID.attempt(2, of: 5))
    }

    @Test("For weir's own span a 4xx is no error, for that of an attempt it is")
    func outcomes() {
        let cases: [(status: Int, failure: FailureReason?, exchange: Bool, attempt: Bool)] = [
            (200, nil, false, false), (101, nil, false, false), (404, nil, false, true),
            (503, nil, true, true), (503, .holdTimeout, true, true), (404, .noRoute, false, true),
            (200, .closedMidResponse, true, true), (499, .clientClosed, false, false),
            (200, .clientClosed, false, false), (101, .drained, false, false),
            (0, .connectRefused, true, true), (502, .connectRefused, true, true),
        ]
        for row in cases {
            let exchange = SpanOutcome(exchangeStatus: row.status, failure: row.failure)
            let attempt = SpanOutcome(attemptStatus: row.status, failure: row.failure)
            #expect(exchange.isError == row.exchange, "\(row)")
            #expect(attempt.isError == row.attempt, "\(row)")
        }
    }

    private func text(_ write: (inout SpanLine) -> Void) -> String {
        let space = Buffer.allocate(capacity: 2 * RecordBuffer.lineBytesMaximum)
        defer { space.deallocate() }
        var line = SpanLine(space)
        write(&line)
        let written = line.finish(SpanOutcome(exchangeStatus: 503, failure: nil))
        return String(decoding: (0..<written.count).map { written.bytes[$0] }, as: UTF8.self)
    }

    @Test("Ids are hexadecimal, 64-bit numbers are strings, enumerations are numbers")
    func span() {
        let trace = Array("4bf92f3577b34da6a3ce929d0e0e4736".utf8)
        let head = Array("GET /a?b HTTP/1.1\r\n\r\n".utf8)
        let text = text { line in
            line.begin(trace: trace.span, id: 0xab, parent: 0xfedc_ba98_7654_3210)
            line.kind(.server, isParentRemote: true)
            line.name(.get, head.span)
            line.times(1_764_300_000_123_456_789, 1_764_300_000_123_456_790)
            line.beginAttributes()
            line.attribute("a", bytes: head.span.extracting(4..<8))
            line.attribute("b", 7)
        }
        let expected =
            "{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00000000000000ab\","
            + "\"parentSpanId\":\"fedcba9876543210\",\"flags\":769,\"kind\":2,\"name\":\"GET\","
            + "\"startTimeUnixNano\":\"1764300000123456789\","
            + "\"endTimeUnixNano\":\"1764300000123456790\",\"attributes\":["
            + "{\"key\":\"a\",\"value\":{\"stringValue\":\"/a?b\"}},"
            + "{\"key\":\"b\",\"value\":{\"intValue\":\"7\"}}],\"status\":{\"code\":2}},\n"
        #expect(text == expected)
    }

    @Test(
        "Host and port are told apart",
        arguments: [
            ("example.com", "example.com", nil), ("app3", "app3", nil), ("app3:80", "app3", 80),
            ("[::1]:8080", "::1", 8080), ("[2001:db8::1]", "2001:db8::1", nil),
            ("a:", "a:", nil), ("a:123456", "a", nil), ("10.0.0.1:65535", "10.0.0.1", 65_535),
        ])
    func hosts(text host: String, address: String, port: Int?) {
        let bytes = Array(host.utf8)
        let text = text { line in
            line.beginAttributes()
            line.host(bytes.span)
        }
        #expect(text.contains("\"server.address\",\"value\":{\"stringValue\":\"\(address)\"}"))
        #expect(text.contains("server.port") == (port != nil))
        if let port { #expect(text.contains("{\"intValue\":\"\(port)\"}")) }
    }

    @Test("However long values are, and whatever is in them, a span has its end and one line")
    func long() {
        let value = [UInt8](repeating: 10, count: 50_000)
        let text = text { line in
            line.beginAttributes()
            for _ in 0..<20 { line.attribute("a", bytes: value.span) }
        }
        #expect(text.hasSuffix("],\"status\":{\"code\":2}},\n"))
        #expect(text.utf8.count { $0 == 10 } == 1)
        #expect(text.utf8.count <= RecordBuffer.lineBytesMaximum)
    }
}
