/// A stretch of a message's bytes, counted from its first byte. Heads are at most 64 kB.
public struct ByteRange: Sendable, Equatable, BitwiseCopyable {
    public var start: UInt16
    public var end: UInt16

    public init(start: UInt16, end: UInt16) {
        self.start = start
        self.end = end
    }

    init(_ start: Int, _ end: Int) {
        self.start = UInt16(truncatingIfNeeded: start)
        self.end = UInt16(truncatingIfNeeded: end)
    }

    public static let none = ByteRange(start: 0, end: 0)
    public var count: Int { Int(end) - Int(start) }
    public var isEmpty: Bool { start == end }
    /// The same stretch as indices, for `Span.extracting`.
    public var indices: Range<Int> { Int(start)..<Int(end) }
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

extension Method {
    /// Recognises a method; methods are case-sensitive (RFC 9110 §9.1).
    @inline(__always)
    init(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) {
        let count = end &- start
        guard 1...7 ~= count else {
            self = .other
            return
        }
        switch bytes.word(at: start, count: count) {
        case packed("GET"): self = .get
        case packed("POST"): self = .post
        case packed("HEAD"): self = .head
        case packed("PUT"): self = .put
        case packed("PATCH"): self = .patch
        case packed("DELETE"): self = .delete
        case packed("OPTIONS"): self = .options
        case packed("TRACE"): self = .trace
        case packed("CONNECT"): self = .connect
        default: self = .other
        }
    }
}

/// How the end of a body is known (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Equatable, BitwiseCopyable {
    /// No byte of a body follows; also what `Content-Length: 0` gives.
    case none
    /// That many bytes follow, at least one.
    case length(UInt64)
    case chunked
    /// Responses only: until the connection closes.
    case untilClose
}
