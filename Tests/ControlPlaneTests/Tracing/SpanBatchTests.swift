import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Batches of spans")
struct SpanBatchTests {
    private func push(_ text: String, to ring: ByteRing) {
        let bytes = Array(text.utf8)
        _ = ring.push(bytes.span)
    }

    @Test("A batch is one request of OTLP in JSON, whatever the service is called")
    func body() throws {
        let batch = SpanBatch(service: "a \"b\"", version: "1.2.3")
        let body = batch.body(Array("{\"spanId\":\"1\"},\n{\"spanId\":\"2\"},\n".utf8))
        let json = try JSON(String(decoding: body, as: UTF8.self))["resourceSpans"]
        #expect(json.array.count == 1)
        let attributes = json[0]["resource"]["attributes"]
        let name = attributes.first("key", "service.name")["value"]["stringValue"]
        #expect(name.string == "a \"b\"")
        let scope = json[0]["scopeSpans"][0]
        #expect(scope["scope"]["version"].string == "1.2.3")
        #expect(scope["spans"].array.map { $0["spanId"].string } == ["1", "2"])
    }

    @Test("Spans are taken whole, in order, and all of them, however large the buffer is")
    func whole() {
        let ring = ByteRing(capacity: 1 << 20)
        let source = SpanSource(ring)
        #expect(source.isEmpty)
        let all = (0..<5_000).map { "{\($0)" + String(repeating: "x", count: $0 % 97) + "},\n" }
        for span in all { push(span, to: ring) }
        var taken: [UInt8] = []
        var count = 0
        while !source.isEmpty {
            let more = source.take(into: &taken)
            #expect(more > 0)
            count += more
            #expect(taken.last == 10)
        }
        #expect(count == 5_000)
        #expect(String(decoding: taken, as: UTF8.self) == all.joined())
    }
}
