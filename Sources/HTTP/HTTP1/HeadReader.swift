/// Why reading stopped before the end of a head.
enum ParseStop: Error {
    case needsMore
    case invalid(HTTPError)
}

/// A position in the bytes of a head, and the steps that both kinds of head are read with.
///
/// Each step throws `needsMore` when the bytes end before it can decide, and the caller begins
/// again from the first byte when there are more.
struct HeadReader: ~Escapable {
    let bytes: Span<UInt8>
    var position = 0

    /// `bytes` ends where the head may at most end.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    /// The byte at the position, which stays.
    @inline(__always)
    func peek() throws(ParseStop) -> UInt8 {
        guard position < bytes.count else { throw .needsMore }
        return bytes[position]
    }

    /// Steps over one given byte; anything else is `error`.
    @inline(__always)
    mutating func skip(_ byte: UInt8, or error: HTTPError) throws(ParseStop) {
        guard try peek() == byte else { throw .invalid(unexpected(or: error)) }
        position &+= 1
    }

    /// Steps over CRLF, the only line end there is (RFC 9112 §2.2).
    @inline(__always)
    mutating func skipLineEnd(or error: HTTPError) throws(ParseStop) {
        try skip(.carriageReturn, or: error)
        guard try peek() == .lineFeed else { throw .invalid(.bareLineBreak) }
        position &+= 1
    }

    /// Reads a field value with its line end; the white space around it is not part of it.
    @inline(__always)
    mutating func readValue() throws(ParseStop) -> ByteRange {
        let start = bytes.endOfBlanks(from: position)
        var end = bytes.endOfText(from: start)
        position = end
        try skipLineEnd(or: .forbiddenByte)
        while end > start, bytes[end &- 1].isBlank { end &-= 1 }
        return ByteRange(start, end)
    }

    /// Reads one field line (RFC 9112 §5); nil for the blank line that ends the head.
    @inline(__always)
    mutating func readField() throws(ParseStop) -> Field? {
        let start = position
        let end = bytes.endOfToken(from: start)
        position = end
        guard try peek() == .colon, end > start else {
            guard end == start, try peek() == .carriageReturn else {
                throw .invalid(unexpected(or: .malformedField))
            }
            try skipLineEnd(or: .malformedField)
            return nil
        }
        position &+= 1
        let value = try readValue()
        return Field(id: FieldName(bytes, start, end), name: ByteRange(start, end), value: value)
    }

    /// The error that fits the byte at the position best; `error` when nothing special is wrong.
    private func unexpected(or error: HTTPError) -> HTTPError {
        let byte = bytes[position]
        let startsLine = position > 0 && bytes[position - 1] == .lineFeed
        if byte == .lineFeed { return .bareLineBreak }
        if byte == .carriageReturn { return error }
        if byte.isControl { return .forbiddenByte }
        return startsLine && byte.isBlank ? .foldedField : error
    }
}
