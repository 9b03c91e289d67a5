/// The head of a response, by position, and what it means. Made to be used again, like
/// `RequestHead`.
public struct ResponseHead: ~Copyable, Sendable {
    /// Of the head with its blank line.
    public var byteCount = 0
    /// 100...999.
    public var status = 0
    /// May be empty.
    public var reason = ByteRange.none
    /// 0 or 1.
    public var minorVersion: UInt8 = 1
    public var fields = Fields()
    /// How long an unused connection is kept, by `Keep-Alive: timeout=N` (RFC 2068 §19.7.1.1 as it
    /// is used), at most a day; negative if the head does not say.
    public private(set) var idleSeconds = -1
    /// The upstream will take another request after this response, if its body has an end.
    public var keepsAlive = false
    /// 101: what follows is no longer HTTP/1.1.
    public var isUpgrade: Bool { status == 101 }
    /// 100...199 but not 101: another response to the same request follows.
    public var isInterim: Bool { status < 200 && status != 101 }

    var fieldLines = ByteRange.none
    var facts = HeadFacts()
    private var announced: BodyFraming?

    public init() {}

    /// How the body ends, which the request's method decides too (RFC 9112 §6.3).
    ///
    /// It changes nothing, and is `mutating` since Swift 6.3 copies the head for one that is not.
    public mutating func framing(answering method: Method) -> BodyFraming {
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if method == .connect, status < 300 { return .none }
        return announced ?? .untilClose
    }

    /// Whether the protocol that a 101 changes to is WebSocket (RFC 6455 §4.2.2).
    ///
    /// - Parameter bytes: those that were parsed.
    public func upgradesToWebSocket(_ bytes: Span<UInt8>) -> Bool {
        guard let value = fields.span.first(.upgrade) else { return false }
        return bytes.has("websocket", count: 9, in: value)
    }

    @inline(never)
    private mutating func readIdleSeconds(_ bytes: Span<UInt8>) -> Int? {
        guard let value = fields.span.first(.keepAlive) else { return nil }
        var parameters = ListReader(value)
        while let parameter = parameters.next(in: bytes) {
            guard parameter.count > 8 else { continue }
            let digits = Int(parameter.start) + 8
            let name = FoldedName(bytes, Int(parameter.start), digits)
            guard name == "timeout=" else { continue }
            var seconds = 0
            for index in digits..<Int(parameter.end) {
                guard bytes[index].isDigit else { return nil }
                seconds = min(86_400, seconds * 10 + Int(bytes[index] &- 0x30))
            }
            return seconds
        }
        return nil
    }

    /// Reads a head from the first byte of `bytes`; false when it is not complete yet.
    ///
    /// Throws what is wrong; the response cannot be used, the client is told by 502 and the
    /// upstream connection closes. RFC 9112 §4 to §6.
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
        announced = try facts.framing(minorVersion: minorVersion)
        keepsAlive = facts.persists(minorVersion: minorVersion)
        idleSeconds = facts.seen.contains(.keepAlive) ? readIdleSeconds(bytes) ?? -1 : -1
        return true
    }

    private mutating func read(_ bytes: Span<UInt8>, limits: HeadLimits) throws(ParseStop) {
        var reader = HeadReader(bytes)
        try readStatusLine(&reader)
        let start = reader.position
        facts = try reader.readFields(into: &fields, maximum: limits.fieldsMaximum)
        byteCount = reader.position
        fieldLines = ByteRange(start, byteCount &- 2)
    }

    /// RFC 9112 §4. The space before an empty reason may be missing, as some servers have it.
    @inline(__always)
    private mutating func readStatusLine(_ reader: inout HeadReader) throws(ParseStop) {
        minorVersion = try reader.readVersion()
        try reader.skip(.space, or: .malformedStartLine)
        status = try reader.readStatus()
        if try reader.peek() == .carriageReturn {
            reason = ByteRange(reader.position, reader.position)
        } else {
            try reader.skip(.space, or: .malformedStartLine)
            let start = reader.position
            reader.position = reader.bytes.endOfText(from: start)
            reason = ByteRange(start, reader.position)
        }
        try reader.skipLineEnd(or: .forbiddenByte)
    }
}

extension HeadReader {
    /// Three digits, the first not zero.
    @inline(__always)
    mutating func readStatus() throws(ParseStop) -> Int {
        var status = 0
        for _ in 0..<3 {
            let byte = try peek()
            guard byte.isDigit else { throw .invalid(.malformedStartLine) }
            status = status &* 10 &+ Int(byte &- 0x30)
            position &+= 1
        }
        guard status >= 100 else { throw .invalid(.malformedStartLine) }
        return status
    }
}
