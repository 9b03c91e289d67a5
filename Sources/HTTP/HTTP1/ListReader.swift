/// The elements of a comma-separated field value, one after the other (RFC 9110 §5.6.1).
struct ListReader {
    private var position: Int
    private let end: Int

    init(_ value: ByteRange) {
        position = Int(value.start)
        end = Int(value.end)
    }

    /// The next element without the white space around it; nil at the end. Empty ones are skipped.
    @inline(__always)
    mutating func next(in bytes: Span<UInt8>) -> ByteRange? {
        while position < end {
            var start = position
            while position < end, bytes[position] != .comma { position &+= 1 }
            var stop = position
            position &+= 1
            while start < stop, bytes[start].isBlank { start &+= 1 }
            while stop > start, bytes[stop &- 1].isBlank { stop &-= 1 }
            if start < stop { return ByteRange(start, stop) }
        }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes of a range are this word, whatever their case.
    @inline(__always)
    func has(_ word: FoldedName, count: Int, in range: ByteRange) -> Bool {
        range.count == count && FoldedName(self, Int(range.start), Int(range.end)) == word
    }

    /// Whether two ranges hold the same bytes but for the case of letters.
    func equalsFolded(_ left: ByteRange, _ right: ByteRange) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count {
            let one = self[Int(left.start) + offset]
            let other = self[Int(right.start) + offset]
            if one == other { continue }
            let letter = one | 0x20
            guard letter == other | 0x20, letter &- 0x61 < 26 else { return false }
        }
        return true
    }
}
