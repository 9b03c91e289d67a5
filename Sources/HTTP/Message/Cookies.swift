extension Span where Element == Field {
    /// The value of the first cookie with exactly this name; nil if there is none.
    ///
    /// Reads all Cookie fields in order (RFC 6265 §4.2.1; HTTP/2 may have split one into several).
    /// Cookies end at semicolons only, as every browser has it, a name at its first `=`, and white
    /// space around either is not part of it. Quotes are part of a value (RFC 6265 §5.2).
    public func cookie(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> ByteRange? {
        for index in indices where self[index].id == .cookie {
            if let value = bytes.cookie(name, in: self[index].value) { return value }
        }
        return nil
    }

    /// The value of the first field with this name, which is in lower case; nil if there is none.
    public func value(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> ByteRange? {
        for index in indices where bytes.spells(name, in: self[index].name) {
            return self[index].value
        }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// The same within the value of one Cookie field.
    fileprivate func cookie(_ name: Span<UInt8>, in list: ByteRange) -> ByteRange? {
        let end = Int(list.end)
        var start = Int(list.start)
        while start < end {
            var stop = start
            var equals = -1
            while stop < end, self[stop] != .semicolon {
                if equals < 0, self[stop] == .equals { equals = stop }
                stop &+= 1
            }
            if equals >= 0, isExactly(name, in: trimmed(start, equals)) {
                return trimmed(equals &+ 1, stop)
            }
            start = stop &+ 1
        }
        return nil
    }

    private func trimmed(_ start: Int, _ end: Int) -> ByteRange {
        var (start, end) = (start, end)
        while start < end, self[start].isBlank { start &+= 1 }
        while end > start, self[end &- 1].isBlank { end &-= 1 }
        return ByteRange(start, end)
    }

    private func isExactly(_ name: Span<UInt8>, in range: ByteRange) -> Bool {
        guard range.count == name.count else { return false }
        for offset in name.indices where self[Int(range.start) &+ offset] != name[offset] {
            return false
        }
        return true
    }

    /// Whether the bytes of a range are this name in lower case, but for the case of letters.
    fileprivate func spells(_ name: Span<UInt8>, in range: ByteRange) -> Bool {
        guard range.count == name.count else { return false }
        for offset in name.indices {
            let byte = self[Int(range.start) &+ offset]
            let isCapital = byte &- UInt8(ascii: "A") < 26
            if (isCapital ? byte | 0x20 : byte) != name[offset] { return false }
        }
        return true
    }
}

extension UInt8 {
    fileprivate static let semicolon: UInt8 = 0x3b
    fileprivate static let equals: UInt8 = 0x3d
}
