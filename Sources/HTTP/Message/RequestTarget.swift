extension HeadReader {
    /// Steps over up to two empty lines before a request (RFC 9112 §2.2).
    @inline(__always)
    mutating func skipEmptyLines() throws(ParseStop) {
        guard try peek() == .carriageReturn else { return }
        try skipLineEnd(or: .malformedStartLine)
        guard try peek() == .carriageReturn else { return }
        try skipLineEnd(or: .malformedStartLine)
    }

    /// Reads the target up to the space after it: visible ASCII, no "#" (a fragment is never sent).
    @inline(__always)
    mutating func readTarget(
        bytesMaximum: Int
    ) throws(ParseStop) -> (whole: ByteRange, query: ByteRange) {
        let start = position
        var queryStart = -1
        while true {
            position = bytes.endOfTargetText(from: position)
            guard position &- start <= bytesMaximum else { throw .invalid(.targetTooLong) }
            guard try peek() == .question else { break }
            if queryStart < 0 { queryStart = position }
            position &+= 1
        }
        let query = queryStart < 0 ? ByteRange.none : ByteRange(queryStart, position)
        return (ByteRange(start, position), query)
    }

    /// Reads "HTTP/1.0" or "HTTP/1.1" and gives the minor version (RFC 9112 §2.3).
    @inline(__always)
    mutating func readVersion() throws(ParseStop) -> UInt8 {
        guard position &+ 8 <= bytes.count else { throw .needsMore }
        let word = bytes.word(at: position)
        position &+= 8
        if word == packed("HTTP/1.1") { return 1 }
        if word == packed("HTTP/1.0") { return 0 }
        let major = UInt8(truncatingIfNeeded: word >> 40)
        let minor = UInt8(truncatingIfNeeded: word >> 56)
        let frame = word & 0x00ff_00ff_ffff_ffff
        let isVersion = frame == packed("HTTP/\0.") && major.isDigit && minor.isDigit
        throw .invalid(isVersion ? .unsupportedVersion : .malformedStartLine)
    }

    /// Reads the field lines and the blank line, and what they mean.
    @inline(__always)
    mutating func readFields(
        into fields: inout Fields, maximum: Int
    ) throws(ParseStop) -> HeadFacts {
        fields.removeAll()
        var facts = HeadFacts()
        while let field = try readField() {
            guard fields.count < maximum, fields.append(field) else {
                throw .invalid(.tooManyFields)
            }
            if field.id.concernsFraming { try facts.note(field, in: bytes) }
            facts.noteName(field.id)
        }
        return facts
    }
}

extension RequestHead {
    /// Tells the four forms of a target apart (RFC 9112 §3.2) and finds path and authority.
    @inline(__always)
    mutating func placeTarget(_ bytes: Span<UInt8>) throws(HTTPError) {
        guard !target.isEmpty else { throw .malformedTarget }
        let first = bytes[Int(target.start)]
        if first == .slash, method != .connect {
            path = ByteRange(start: target.start, end: query.isEmpty ? target.end : query.start)
            return place(try Authority(bytes, facts.host))
        }
        try placeUnusualTarget(bytes, first: first)
    }

    private mutating func place(_ authority: Authority) {
        self.authority = authority.whole
        host = authority.host
    }

    private mutating func placeUnusualTarget(
        _ bytes: Span<UInt8>, first: UInt8
    ) throws(HTTPError) {
        path = ByteRange(start: target.end, end: target.end)
        let named = try Authority(bytes, facts.host)
        if method == .connect { return try placeAuthorityForm(bytes) }
        if first == UInt8(ascii: "*") {
            guard method == .options, target.count == 1 else { throw .malformedTarget }
            return place(named)
        }
        try placeAbsoluteForm(bytes)
    }

    /// CONNECT: a host and a port, nothing else (RFC 9112 §3.2.3).
    private mutating func placeAuthorityForm(_ bytes: Span<UInt8>) throws(HTTPError) {
        guard query.isEmpty else { throw .malformedTarget }
        let authority = try authority(bytes, target)
        guard authority.hasPort, authority.whole.end - authority.host.end > 1 else {
            throw .malformedTarget
        }
        place(authority)
    }

    /// "http://authority/path?query" (RFC 9112 §3.2.2). User information is refused, as RFC 9110
    /// §4.2.4 advises.
    private mutating func placeAbsoluteForm(_ bytes: Span<UInt8>) throws(HTTPError) {
        let start = Int(target.start)
        let pathEnd = query.isEmpty ? Int(target.end) : Int(query.start)
        let scheme = FoldedName(bytes, start, pathEnd)
        let schemeCount: Int
        if scheme.hasPrefix("http://", count: 7) {
            schemeCount = 7
        } else if scheme.hasPrefix("https://", count: 8) {
            schemeCount = 8
        } else {
            throw .malformedTarget
        }
        guard start + schemeCount < pathEnd else { throw .malformedTarget }
        var end = start + schemeCount
        while end < pathEnd, bytes[end] != .slash { end &+= 1 }
        place(try authority(bytes, ByteRange(start + schemeCount, end)))
        path = ByteRange(end, pathEnd)
    }

    /// An authority inside the target, where it cannot be empty.
    private func authority(
        _ bytes: Span<UInt8>, _ range: ByteRange
    ) throws(HTTPError) -> Authority {
        let authority = try Authority(bytes, range)
        guard !authority.host.isEmpty else { throw .invalidHost }
        return authority
    }
}
