/// What the field lines of a head say about its body and its connection, gathered line by line.
struct HeadFacts: BitwiseCopyable {
    /// All names of field lines.
    private(set) var seen = FieldNameSet()
    private(set) var host = ByteRange.none
    private(set) var contentLength: UInt64 = 0
    private(set) var closes = false
    private(set) var keepsAlive = false
    /// Connection has the option "upgrade", and nothing offered in Upgrade must be kept from it.
    private(set) var upgrades = false
    private(set) var offersHTTP2 = false
    /// How many other options Connection has, each of which may name a field to remove.
    private(set) var connectionOptionCount = 0
    private(set) var expectsContinue = false
    private(set) var acceptsTrailers = false

    /// Takes notice of one field line; throws what makes the message ambiguous.
    mutating func note(_ field: Field, in bytes: Span<UInt8>) throws(ParseStop) {
        switch field.id {
        case .host: try noteHost(field.value)
        case .contentLength: try noteContentLength(field.value, in: bytes)
        case .transferEncoding: try noteTransferEncoding(field.value, in: bytes)
        case .connection: try noteConnection(field.value, in: bytes)
        case .upgrade: noteUpgrade(field.value, in: bytes)
        case .te: noteTE(field.value, in: bytes)
        case .expect:
            expectsContinue = bytes.has("100-continue", count: 12, in: field.value)
        default: break
        }
    }

    /// The name of each field line, once `note` has been asked about it.
    @inline(__always)
    mutating func noteName(_ id: FieldName) { seen.insert(id) }

    @inline(__always)
    private mutating func noteHost(_ value: ByteRange) throws(ParseStop) {
        guard !seen.contains(.host) else { throw .invalid(.severalHosts) }
        host = value
    }

    /// Digits only, once only: a list of equal values is refused too, which RFC 9112 §6.3 allows.
    private mutating func noteContentLength(
        _ value: ByteRange, in bytes: Span<UInt8>
    ) throws(ParseStop) {
        guard !seen.contains(.contentLength) else { throw .invalid(.conflictingLength) }
        guard !value.isEmpty else { throw .invalid(.invalidLength) }
        for index in value.indices {
            let byte = bytes[index]
            guard byte.isDigit else {
                throw .invalid(byte == .comma ? .conflictingLength : .invalidLength)
            }
            let (tens, overflow) = contentLength.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(byte &- 0x30))
            guard !overflow, !carry else { throw .invalid(.invalidLength) }
            contentLength = sum
        }
    }

    /// Exactly "chunked" (RFC 9112 §6.1, §7): weir neither decodes nor passes on other codings.
    private func noteTransferEncoding(
        _ value: ByteRange, in bytes: Span<UInt8>
    ) throws(ParseStop) {
        guard !seen.contains(.transferEncoding) else { throw .invalid(.conflictingFraming) }
        guard bytes.has("chunked", count: 7, in: value) else {
            throw .invalid(.unknownTransferCoding)
        }
    }

    @inline(__always)
    private mutating func noteConnection(
        _ value: ByteRange, in bytes: Span<UInt8>
    ) throws(ParseStop) {
        var options = ListReader(value)
        while let option = options.next(in: bytes) {
            let name = FoldedName(bytes, Int(option.start), Int(option.end))
            switch (option.count, name) {
            case (5, "close"): closes = true
            case (7, "upgrade"): upgrades = true
            case (10, "keep-alive"): keepsAlive = true
            default: connectionOptionCount &+= 1
            }
        }
        guard connectionOptionCount <= HeadLimits.connectionOptionsMaximum else {
            throw .invalid(.malformedField)
        }
    }

    /// An upgrade to HTTP/2 in clear text would carry requests past the routes, unseen.
    private mutating func noteUpgrade(_ value: ByteRange, in bytes: Span<UInt8>) {
        var protocols = ListReader(value)
        while let offer = protocols.next(in: bytes) {
            let name = FoldedName(bytes, Int(offer.start), Int(offer.end))
            if name.hasPrefix("h2c", count: 3) || name.hasPrefix("http/2", count: 6) {
                offersHTTP2 = true
            }
        }
    }

    private mutating func noteTE(_ value: ByteRange, in bytes: Span<UInt8>) {
        var codings = ListReader(value)
        while let coding = codings.next(in: bytes) {
            if bytes.has("trailers", count: 8, in: coding) { acceptsTrailers = true }
        }
    }
}

extension HeadFacts {
    /// The body that the fields announce; nil if they announce none (RFC 9112 §6.3).
    ///
    /// Throws when two parties could read the framing differently.
    @inline(__always)
    func framing(minorVersion: UInt8) throws(HTTPError) -> BodyFraming? {
        if seen.contains(.transferEncoding) {
            guard !seen.contains(.contentLength), minorVersion == 1 else {
                throw .conflictingFraming
            }
            return .chunked
        }
        guard seen.contains(.contentLength) else { return nil }
        return contentLength == 0 ? BodyFraming.none : .length(contentLength)
    }

    /// Whether the connection can carry another message after this one (RFC 9112 §9.3).
    func persists(minorVersion: UInt8) -> Bool {
        !closes && (minorVersion == 1 || keepsAlive)
    }

    func asksForUpgrade(minorVersion: UInt8) -> Bool {
        minorVersion == 1 && upgrades && seen.contains(.upgrade) && !offersHTTP2
    }
}
