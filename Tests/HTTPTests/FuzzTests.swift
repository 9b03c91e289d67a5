import HTTP
import Testing

/// Messages with random damage: nothing traps, and what is accepted holds together.
@Suite("Damaged messages")
struct FuzzTests {
    private static let seeds: [UInt64] = [1, 20_261_121]
    private static let rounds = 60_000
    private static let interesting = Array(
        "\r\n\t :;,?/#*\u{0}\u{7f}\u{1b}0fF-+chunkedHTTP/1.1".utf8)

    /// Changes, inserts, removes or repeats a few bytes.
    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let index = Int.random(in: 0...bytes.count, using: &random)
            let byte =
                Bool.random(using: &random)
                ? UInt8.random(in: 0...255, using: &random)
                : interesting[Int.random(in: 0..<interesting.count, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.insert(byte, at: index)
            case 1 where index < bytes.count: bytes.remove(at: index)
            case 2: bytes.removeSubrange(index...)
            case 3: bytes.insert(contentsOf: bytes[index...].prefix(20), at: index)
            default: if index < bytes.count { bytes[index] = byte }
            }
        }
    }

    @Test(
        "A damaged request is refused, or forwarded so that it can be read again", arguments: seeds)
    func requests(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var head = RequestHead()
        var again = RequestHead()
        var space = [UInt8](repeating: 0, count: 8_192)
        var forwarding = Forwarding(
            address: "::1", scheme: .https, id: RequestID(high: 1, low: 2))
        for round in 0..<Self.rounds {
            var bytes = Array(Samples.requests[round % Samples.requests.count].utf8)
            Self.damage(&bytes, &random)
            forwarding.isTrusted = round & 1 == 0
            do {
                guard try head.parse(bytes.span, limits: HeadLimits()) else { continue }
                var span = space.mutableSpan
                guard
                    head.method != .connect,
                    let count = forwarding.write(head, from: bytes.span, into: &span)
                else { continue }
                let written = space.span.extracting(first: count)
                let isComplete = try again.parse(written, limits: HeadLimits())
                let agrees =
                    isComplete && again.byteCount == count && again.framing == head.framing
                    && again.host.count == head.host.count && again.method == head.method
                if !agrees { Issue.record("seed \(seed), round \(round): \(bytes)") }
            } catch {
                if !(400...505).contains(error.status) { Issue.record("\(error)") }
            }
        }
    }

    @Test(
        "A damaged response is refused, or forwarded so that it can be read again", arguments: seeds
    )
    func responses(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var head = ResponseHead()
        var again = ResponseHead()
        var space = [UInt8](repeating: 0, count: 8_192)
        for round in 0..<Self.rounds {
            var bytes = Array(Samples.responses[round % Samples.responses.count].utf8)
            Self.damage(&bytes, &random)
            do {
                guard try head.parse(bytes.span, limits: HeadLimits()) else { continue }
                var span = space.mutableSpan
                guard
                    let count = writeResponse(
                        head, from: bytes.span, forwarding: ResponseForwarding(), into: &span)
                else { continue }
                let written = space.span.extracting(first: count)
                let isComplete = try again.parse(written, limits: HeadLimits())
                let framing = head.framing(answering: .get)
                let framingAgain = again.framing(answering: .get)
                let agrees =
                    isComplete && again.byteCount == count && again.status == head.status
                    && framingAgain == framing
                if !agrees { Issue.record("seed \(seed), round \(round): \(bytes)") }
            } catch {
                if !(400...505).contains(error.status) { Issue.record("\(error)") }
            }
        }
    }

    @Test("A damaged chunked body gives the same in any pieces", arguments: seeds)
    func chunks(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<Self.rounds {
            var bytes = Array(Samples.chunkedBodies[round % Samples.chunkedBodies.count].utf8)
            Self.damage(&bytes, &random)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let output: ChunkedFilter.Output = round & 1 == 0 ? .framed : .data
            let whole = Result { try ChunkedFilterTests.run([bytes[...]], output) }
            let halves = Result {
                try ChunkedFilterTests.run([bytes[..<cut], bytes[cut...]], output)
            }
            switch (whole, halves) {
            case (.success(let one), .success(let two)) where one == two: continue
            case (.failure, .failure): continue
            default: Issue.record("seed \(seed), round \(round), cut \(cut): \(bytes)")
            }
        }
    }
}
