/// The field lines of one head, in order.
///
/// Its memory is made once and serves one head after the other, so that parsing allocates nothing.
/// It is not part of the head itself: Swift 6.3 copies what a head holds for many a call.
@safe
public struct Fields: ~Copyable, @unchecked Sendable {
    /// The most that any limit may allow.
    public static let capacity = 128
    private let storage: UnsafeMutablePointer<Field>
    public private(set) var count = 0

    public init() {
        unsafe storage = .allocate(capacity: Fields.capacity)
    }

    deinit { unsafe storage.deallocate() }

    /// The field lines in place.
    public var span: Span<Field> {
        @_lifetime(borrow self)
        @inline(__always)
        get {
            let span = unsafe Span(_unsafeStart: storage, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// One field line.
    public subscript(index: Int) -> Field { span[index] }

    /// False when the table is full.
    @inline(__always)
    mutating func append(_ field: Field) -> Bool {
        guard count < Fields.capacity else { return false }
        unsafe (storage + count).initialize(to: field)
        count &+= 1
        return true
    }

    /// Empties the table for the next head.
    mutating func removeAll() { count = 0 }
}

extension Span where Element == Field {
    /// The value of the first field line of that name; nil if there is none.
    public func first(_ id: FieldName) -> ByteRange? {
        for index in indices where self[index].id == id { return self[index].value }
        return nil
    }

    /// The last member of the list that the field lines of that name make up (RFC 9110 §5.6.1),
    /// without the white space around it; nil if there is none.
    public func lastMember(of id: FieldName, in bytes: Span<UInt8>) -> ByteRange? {
        var found: ByteRange?
        for index in indices where self[index].id == id { found = self[index].value }
        guard let list = found else { return nil }
        var start = Int(list.end)
        while start > Int(list.start), bytes[start - 1] != UInt8(ascii: ",") { start -= 1 }
        while start < Int(list.end), bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        return start < Int(list.end) ? ByteRange(start, Int(list.end)) : nil
    }
}
