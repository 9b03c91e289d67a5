/// A stretch of a message's bytes, counted from its first byte. Heads are at most 64 kB.
public struct ByteRange: Sendable, Equatable, BitwiseCopyable {
    public var start: UInt16
    public var end: UInt16

    public init(start: UInt16, end: UInt16) {
        self.start = start
        self.end = end
    }

    public static let none = ByteRange(start: 0, end: 0)
    public var count: Int { Int(end) - Int(start) }
    public var isEmpty: Bool { start == end }
}

/// Field names that weir acts on, recognised once while parsing; all others are `other`.
public enum FieldName: UInt8, Sendable, BitwiseCopyable {
    case other
    case host, connection, contentLength, transferEncoding, trailer, te, upgrade, expect
    case keepAlive, proxyConnection, proxyAuthenticate, proxyAuthorization, http2Settings
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, via, xRequestID
    case date, server, idempotencyKey, cookie, setCookie, contentType, userAgent, referer
    case traceparent, weirDrain
}

/// One field line of a head, by position.
public struct Field: Sendable, BitwiseCopyable {
    public var id: FieldName
    public var name: ByteRange
    /// Without the white space around it.
    public var value: ByteRange

    public init(id: FieldName, name: ByteRange, value: ByteRange) {
        self.id = id
        self.name = name
        self.value = value
    }
}

/// The field lines of one head, in order. A fixed table, so that parsing allocates nothing.
public struct Fields: Sendable {
    /// The most that any limit may allow.
    public static let capacity = 128
    private var storage = InlineArray<128, Field>(
        repeating: Field(id: .other, name: .none, value: .none))
    public private(set) var count = 0

    public init() {}

    public subscript(index: Int) -> Field { storage[index] }

    /// False when the table is full.
    public mutating func append(_ field: Field) -> Bool {
        guard count < Fields.capacity else { return false }
        storage[count] = field
        count += 1
        return true
    }

    public mutating func removeAll() { count = 0 }
}

/// RFC 9110 §9.
public enum Method: UInt8, Sendable, BitwiseCopyable {
    case get, head, options, trace, put, delete, post, patch, connect, other

    /// May be sent again without harm (RFC 9110 §9.2.2).
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .patch, .connect, .other: false
        }
    }
}

/// How the end of a body is known (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Equatable, BitwiseCopyable {
    case none
    case length(UInt64)
    case chunked
    /// Responses only: until the connection closes.
    case untilClose
}

/// What is wrong with a message. The client is told by 400 (or the status given) and the connection
/// closed; from an upstream it is a 502.
public enum HTTPError: Error, Sendable, Equatable, BitwiseCopyable {
    case malformedStartLine, malformedField, malformedTarget
    case bareLineBreak, foldedField, forbiddenByte
    case conflictingLength, invalidLength, conflictingFraming, unknownTransferCoding
    case missingHost, severalHosts, invalidHost
    case malformedChunk, malformedTrailer
    case unsupportedVersion
    case headTooLarge, targetTooLong, tooManyFields
    case unexpectedBody
}
