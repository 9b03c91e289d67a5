/// The first 24 bytes of a name, in lower case, packed into three words, so that recognising one
/// is a few comparisons with constants.
///
/// Setting bit 5 folds letters and leaves digits and `-` as they are. Of the bytes that may stand
/// in a token or a field value, nothing else folds onto those, so equality is exact for names of
/// the same count.
struct FoldedName: BitwiseCopyable, Equatable {
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0

    init() {}

    /// The name at `start..<end`.
    @inline(__always)
    init(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) {
        let count = end &- start
        first = FoldedName.word(bytes, start, count)
        if count > 8 { second = FoldedName.word(bytes, start &+ 8, count &- 8) }
        if count > 16 { third = FoldedName.word(bytes, start &+ 16, count &- 16) }
    }

    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ index: Int, _ count: Int) -> UInt64 {
        let count = min(count, 8)
        guard count > 0 else { return 0 }
        return (bytes.looseWord(at: index, count: count) | .eight(0x20)) & .low(count)
    }

    var initial: Unicode.Scalar { Unicode.Scalar(UInt8(truncatingIfNeeded: first)) }

    /// Adds the byte at `index` of a name that arrives byte by byte.
    mutating func append(_ byte: UInt8, at index: Int) {
        let bits = UInt64(byte | 0x20) << UInt64((index & 7) &* 8)
        switch index >> 3 {
        case 0: first |= bits
        case 1: second |= bits
        case 2: third |= bits
        default: break
        }
    }

    @inline(__always)
    static func == (left: FoldedName, right: FoldedName) -> Bool {
        left.first == right.first && left.second == right.second && left.third == right.third
    }

    /// "X-Forwarded" or "X_Forwarded": an underscore folds onto 0x7f.
    var beginsLikeForwarded: Bool {
        hasPrefix("x-forwarded", count: 11) || hasPrefix("x\u{7f}forwarded", count: 11)
    }

    /// "Client-Cert" or "Client-Cert-Chain", with an underscore for any of the hyphens.
    var isClientCert: Bool {
        self == "client-cert" || self == "client\u{7f}cert" || self == "client-cert-chain"
            || self == "client\u{7f}cert\u{7f}chain" || self == "client\u{7f}cert-chain"
            || self == "client-cert\u{7f}chain"
    }

    /// Whether the name begins with these bytes.
    @inline(__always)
    func hasPrefix(_ prefix: FoldedName, count: Int) -> Bool {
        let low = UInt64.low(min(count, 8))
        guard first & low == prefix.first else { return false }
        return count <= 8 || second & .low(min(count &- 8, 8)) == prefix.second
    }
}

extension FoldedName: ExpressibleByStringLiteral {
    /// A name in lower case, of at most 24 bytes.
    @inline(__always)
    init(stringLiteral literal: StaticString) {
        first = packed(literal)
        second = packed(literal, from: 8)
        third = packed(literal, from: 16)
    }
}
