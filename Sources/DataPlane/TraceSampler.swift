public import Transport

/// Where workers put the spans of traces, and how many traces they record.
public struct TraceOutput: Sendable {
    /// One for each worker. A span is JSON of OTLP, with a comma and a line end behind it.
    public var rings: [ByteRing]
    /// Of the traces that nobody else decided about, from 0 to 1.
    public var share: Double

    public init(rings: [ByteRing], share: Double) {
        self.rings = rings
        self.share = share
    }
}

/// Decides which traces are recorded.
struct TraceSampler {
    /// Of 2⁶³, as samplers that go by a trace's id have it.
    private let limit: UInt64

    init(share: Double) {
        limit = UInt64((min(max(share, 0), 1) * 0x1p63).rounded())
    }

    /// Decides by a number that is as good as random: of a new trace the last half of its id.
    func takes(_ number: UInt64) -> Bool { number >> 1 < limit }
}

/// The ids of spans.
enum SpanID {
    /// One that nothing else has.
    static func next(_ random: inout RandomBits) -> UInt64 {
        let id = random.next()
        return id == 0 ? 1 : id
    }

    /// That of an attempt, which follows from that of its exchange.
    ///
    /// - Parameter number: from 1 on.
    static func attempt(_ number: Int, of exchange: UInt64) -> UInt64 {
        var bits = RandomBits(seed: exchange &+ UInt64(number) &* 0xd1b5_4a32_d192_ed03)
        return next(&bits)
    }
}
