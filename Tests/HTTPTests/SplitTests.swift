import HTTP
import Testing

/// Bytes arrive in pieces of any size.
@Suite("Messages split at every byte")
struct SplitTests {
    @Test("No proper prefix of a request is complete", arguments: Samples.requests)
    func requests(message: String) throws {
        let bytes = Array(message.utf8)
        var head = RequestHead()
        for count in 0..<bytes.count {
            let prefix = bytes.span.extracting(first: count)
            #expect(try !head.parse(prefix, limits: HeadLimits()), "\(count) bytes")
        }
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        #expect(try ReadRequest(head, from: bytes) == readRequest(bytes))
        #expect(head.byteCount == bytes.count)
    }

    @Test("No proper prefix of a response is complete", arguments: Samples.responses)
    func responses(message: String) throws {
        let bytes = Array(message.utf8)
        var head = ResponseHead()
        for count in 0..<bytes.count {
            let prefix = bytes.span.extracting(first: count)
            #expect(try !head.parse(prefix, limits: HeadLimits()), "\(count) bytes")
        }
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        #expect(head.byteCount == bytes.count)
    }

    @Test(
        "A refused request stays refused however much of it has come",
        arguments: StrictnessTests.lines)
    func refusals(example: StrictnessTests.Case) {
        let bytes = Array(example.message.utf8)
        var refusedAt: Int?
        for count in 0...bytes.count {
            do {
                let isComplete = try readRequest(Array(bytes[..<count])) != nil
                #expect(!isComplete)
                #expect(refusedAt == nil, "refused at \(refusedAt ?? 0), not at \(count)")
            } catch {
                refusedAt = refusedAt ?? count
            }
        }
        #expect(refusedAt != nil)
    }
}
