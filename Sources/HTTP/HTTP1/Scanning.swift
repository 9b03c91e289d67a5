// The loops that pass over every byte of a head. Each gives the index of the first byte at or after
// `start` that ends the stretch, or `count` when there is none, and keeps its state in registers.

extension Span where Element == UInt8 {
    /// The end of the token bytes (RFC 9110 §5.6.2). Names are too short for eight at a time.
    @inline(never)
    func endOfToken(from start: Int) -> Int {
        var index = start
        while indices.contains(index), self[index].belongs(to: ByteClass.token) { index &+= 1 }
        return index
    }

    /// The end of spaces and tabs.
    @inline(__always)
    func endOfBlanks(from start: Int) -> Int {
        var index = start
        while indices.contains(index), self[index].isBlank { index &+= 1 }
        return index
    }

    /// The end of visible characters, blanks and obs-text: a line end or a forbidden byte
    /// (RFC 9110 §5.5).
    @inline(never)
    func endOfText(from start: Int) -> Int {
        var index = start
        while count &- index >= 8 {
            let word = word(at: index)
            // Below 0x20 the subtraction sets bit 7, at 0x7f the addition does. A carry may mark
            // one byte too many, so the byte itself has the last word.
            let marks =
                ((word &- .eight(0x20)) | (word &+ .eight(1))) & ~word & .eight(0x80)
            index &+= marks == 0 ? 8 : marks.firstMark
            if marks == 0 { continue }
            guard !self[index].isControl else { return index }
            index &+= 1
        }
        while indices.contains(index), self[index].isText { index &+= 1 }
        return index
    }

    /// The end of what may stand in the path or the query of a target: visible ASCII up to the
    /// next "?" or "#".
    @inline(never)
    func endOfTargetText(from start: Int) -> Int {
        var index = start
        while count &- index >= 8 {
            let word = word(at: index)
            let marks =
                word.marks(below: 0x21) | word.marks(of: 0x7f) | word & .eight(0x80)
                | word.marks(of: .question) | word.marks(of: .hash)
            guard marks == 0 else { return index &+ marks.firstMark }
            index &+= 8
        }
        while indices.contains(index), self[index].isTargetText { index &+= 1 }
        return index
    }
}

extension UInt8 {
    /// Ends a line, or must not stand in one.
    @inline(__always)
    var isControl: Bool { self < 0x20 && self != .tab || self == 0x7f }

    @inline(__always)
    fileprivate var isText: Bool { !isControl }

    @inline(__always)
    fileprivate var isTargetText: Bool {
        self > 0x20 && self < 0x7f && self != .question && self != .hash
    }
}
