// Eight bytes at a time: the arithmetic behind every scan and every name comparison. The loads are
// checked against the end of the span; they are `unsafe` only because they reinterpret bytes.

/// At most eight bytes of a literal as one little-endian word; folded by the compiler.
@inline(__always)
func packed(_ literal: StaticString, from start: Int = 0) -> UInt64 {
    var word: UInt64 = 0
    var index = min(literal.utf8CodeUnitCount, start &+ 8)
    while index > start {
        index &-= 1
        word = word << 8 | UInt64(unsafe literal.utf8Start[index])
    }
    return word
}

extension Span where Element == UInt8 {
    /// The eight bytes from `index`, the first one lowest.
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        UInt64(
            littleEndian: unsafe bytes.unsafeLoadUnaligned(
                fromByteOffset: index, as: UInt64.self))
    }

    /// The `count` bytes (1...8) from `index`, the first one lowest, zero above.
    @inline(__always)
    func word(at index: Int, count: Int) -> UInt64 {
        looseWord(at: index, count: count) & .low(count)
    }

    /// The same with anything above.
    @inline(__always)
    func looseWord(at index: Int, count: Int) -> UInt64 {
        self.count &- index >= 8 ? word(at: index) : wordAtEnd(index, count)
    }

    @inline(never)
    private func wordAtEnd(_ index: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<count {
            word |= UInt64(self[index + offset]) << UInt64(offset &* 8)
        }
        return word
    }
}

extension UInt64 {
    /// Eight times the same byte.
    @inline(__always)
    static func eight(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// All bits of the lowest `count` bytes, 1...8.
    @inline(__always)
    static func low(_ count: Int) -> UInt64 {
        .max &>> UInt64(truncatingIfNeeded: 64 &- count &* 8)
    }

    /// Marks the high bit of each byte below `limit` (at most 0x80). Exact up to the first mark.
    @inline(__always)
    func marks(below limit: UInt8) -> UInt64 {
        (self &- .eight(limit)) & ~self & .eight(0x80)
    }

    /// Marks the high bit of each byte that equals `byte`. Exact up to the first mark.
    @inline(__always)
    func marks(of byte: UInt8) -> UInt64 { (self ^ .eight(byte)).marks(below: 1) }

    /// The number of bytes before the first mark.
    @inline(__always)
    var firstMark: Int { trailingZeroBitCount >> 3 }
}
