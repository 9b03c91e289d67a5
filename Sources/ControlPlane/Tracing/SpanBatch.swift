internal import Transport

/// Spans of one worker on their way into batches. Each ends with a comma and a line end, and a
/// batch ends behind one of them.
final class SpanSource {
    private static let capacity = 131_072
    private static let lineEnd: UInt8 = 10

    private let ring: ByteRing
    private var waiting = Buffer.allocate(capacity: SpanSource.capacity)

    init(_ ring: ByteRing) { self.ring = ring }

    deinit { waiting.deallocate() }

    var isEmpty: Bool { waiting.isEmpty && ring.isEmpty }

    /// Moves the whole spans that fit into a buffer behind the others.
    ///
    /// - Returns: how many they are.
    func take(into spans: inout [UInt8]) -> Int {
        waiting.compact()
        ring.drain(into: &waiting)
        let bytes = waiting.bytes
        var end = 0
        var count = 0
        for index in bytes.indices where bytes[index] == SpanSource.lineEnd {
            count += 1
            end = index + 1
        }
        spans.reserveCapacity(spans.count + end)
        for index in 0..<end { spans.append(bytes[index]) }
        waiting.consume(end)
        return count
    }
}

/// What stands around the spans of a batch: an `ExportTraceServiceRequest` in JSON.
struct SpanBatch {
    /// No more is added to a batch of so many bytes.
    static let bytesEnough = 524_288

    private let beginning: [UInt8]
    private static let end = Array("]}]}]}".utf8)

    /// - Parameters:
    ///   - service: what this program is called.
    ///   - version: the program's.
    init(service: String, version: String) {
        func attribute(_ key: String, _ value: String) -> JSONValue {
            ["key": .string(key), "value": ["stringValue": .string(value)]]
        }
        let resource: JSONValue = [
            "attributes": [
                attribute("service.name", service), attribute("service.version", version),
            ]
        ]
        let scope: JSONValue = ["name": "weir", "version": .string(version)]
        beginning = Array(
            ("{\"resourceSpans\":[{\"resource\":" + resource.text
                + ",\"scopeSpans\":[{\"scope\":" + scope.text + ",\"spans\":[").utf8)
    }

    /// The whole of it.
    ///
    /// - Parameter spans: each with a comma and a line end behind it; at least one.
    func body(_ spans: [UInt8]) -> [UInt8] { beginning + spans.dropLast(2) + SpanBatch.end }
}
