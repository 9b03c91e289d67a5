/// The head of a request: its request line and fields, by position, and what they mean.
///
/// One value serves many requests; `parse` begins anew each time. All ranges count from the first
/// byte of the span that was parsed. Nothing is decoded or normalised: paths are matched and
/// forwarded with their dots and percent encoding as received.
public struct RequestHead: ~Copyable, Sendable {
    /// Of the head with its blank line, and with empty lines before it that were skipped.
    public var byteCount = 0
    public var method = Method.other
    public var methodRange = ByteRange.none
    /// The request target as received.
    public var target = ByteRange.none
    /// Without the query. Empty stands for "/", and for "*" in OPTIONS.
    public var path = ByteRange.none
    /// From "?" to the end of the target; empty if there is none.
    public var query = ByteRange.none
    /// What routing goes by, without port: from an absolute target, else from Host
    /// (RFC 9112 §3.2.2). Empty when an HTTP/1.0 request names none.
    public var host = ByteRange.none
    /// The same with its port.
    public var authority = ByteRange.none
    /// 0 or 1.
    public var minorVersion: UInt8 = 1
    /// Never `untilClose`.
    public var framing = BodyFraming.none
    /// The client is ready to send another request after this one.
    public var keepsAlive = false
    /// The client may wait for 100 before it sends the body (RFC 9110 §10.1.1).
    public var expectsContinue = false
    /// An upgrade that may be passed on: HTTP/1.1, no body, and not to HTTP/2.
    public var wantsUpgrade = false
    /// TE has "trailers".
    public var acceptsTrailers = false
    public var fields = Fields()

    /// Where the field lines begin and the blank line begins.
    var fieldLines = ByteRange.none
    var facts = HeadFacts()

    public init() {}

    /// Whether the target carries the authority itself, so that Host does not count.
    var isAbsolute: Bool { authority.end <= target.end && !authority.isEmpty }

    /// Whether the upgrade that it wants is to WebSocket, among others (RFC 6455 §4.1).
    ///
    /// - Parameter bytes: those that were parsed.
    public func wantsWebSocket(_ bytes: Span<UInt8>) -> Bool {
        guard wantsUpgrade else { return false }
        for index in 0..<fields.count where fields[index].id == .upgrade {
            var protocols = ListReader(fields[index].value)
            while let offer = protocols.next(in: bytes) {
                if bytes.has("websocket", count: 9, in: offer) { return true }
            }
        }
        return false
    }

    /// Reads a head from the first byte of `bytes`; false when it is not complete yet, and the
    /// caller calls again with the same bytes and more.
    ///
    /// Throws what is wrong; the caller answers with the error's status and closes. O(n) per call.
    /// RFC 9112 §2 to §6.
    public mutating func parse(
        _ bytes: Span<UInt8>, limits: HeadLimits
    ) throws(HTTPError) -> Bool {
        let maximum = limits.bytesHonoured
        do throws(ParseStop) {
            try read(bytes.extracting(first: maximum), limits: limits)
        } catch {
            if case .invalid(let reason) = error { throw reason }
            guard bytes.count < maximum else { throw .headTooLarge }
            return false
        }
        try conclude(bytes)
        return true
    }

    private mutating func read(_ bytes: Span<UInt8>, limits: HeadLimits) throws(ParseStop) {
        var reader = HeadReader(bytes)
        try reader.skipEmptyLines()
        try readRequestLine(&reader, targetBytesMaximum: limits.targetBytesMaximum)
        let start = reader.position
        facts = try reader.readFields(into: &fields, maximum: limits.fieldsMaximum)
        byteCount = reader.position
        fieldLines = ByteRange(start, byteCount &- 2)
    }

    /// RFC 9112 §3.
    @inline(__always)
    private mutating func readRequestLine(
        _ reader: inout HeadReader, targetBytesMaximum: Int
    ) throws(ParseStop) {
        let start = reader.position
        reader.position = reader.bytes.endOfToken(from: start)
        methodRange = ByteRange(start, reader.position)
        method = Method(reader.bytes, start, reader.position)
        try reader.skip(.space, or: .malformedStartLine)
        guard !methodRange.isEmpty else { throw .invalid(.malformedStartLine) }
        let parts = try reader.readTarget(bytesMaximum: targetBytesMaximum)
        target = parts.whole
        query = parts.query
        try reader.skip(.space, or: .malformedTarget)
        minorVersion = try reader.readVersion()
        try reader.skipLineEnd(or: .malformedStartLine)
    }

    /// Judges what only a complete head can tell.
    @inline(__always)
    private mutating func conclude(_ bytes: Span<UInt8>) throws(HTTPError) {
        try placeTarget(bytes)
        guard minorVersion == 0 || facts.seen.contains(.host) else { throw .missingHost }
        framing = try facts.framing(minorVersion: minorVersion) ?? .none
        guard framing == .none || method != .trace else { throw .unexpectedBody }
        keepsAlive = facts.persists(minorVersion: minorVersion)
        // An HTTP/1.0 client cannot mean it (RFC 9110 §10.1.1).
        expectsContinue = facts.expectsContinue && minorVersion == 1
        acceptsTrailers = facts.acceptsTrailers
        wantsUpgrade =
            facts.asksForUpgrade(minorVersion: minorVersion) && framing == .none
            && method != .connect
    }
}
