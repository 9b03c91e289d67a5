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

/// The field lines of one head, in order. A fixed table, so that parsing allocates nothing.
public struct Fields: Sendable {
    /// The most that any limit may allow.
    public static let capacity = 128
    private var storage = InlineArray<128, Field>(
        repeating: Field(id: .other, name: .none, value: .none))
    public private(set) var count = 0

    public init() {}

    /// The field lines in place. Read them through this: Swift 6.3 copies the whole table for each
    /// call of a method or subscript of its own.
    public var span: Span<Field> {
        @_lifetime(borrow self)
        @inline(__always)
        get { storage.span.extracting(first: count) }
    }

    /// One field line; for code that is not on the hot path.
    public subscript(index: Int) -> Field { storage[index] }

    /// False when the table is full.
    public mutating func append(_ field: Field) -> Bool {
        guard count < Fields.capacity else { return false }
        storage[count] = field
        count += 1
        return true
    }

    /// Empties the table for the next head.
    public mutating func removeAll() { count = 0 }
}

extension Span where Element == Field {
    /// The value of the first field line of that name; nil if there is none.
    public func first(_ id: FieldName) -> ByteRange? {
        for index in indices where self[index].id == id { return self[index].value }
        return nil
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
