/// What of a request decides where it goes, as spans of the caller's memory.
public struct RouteRequest: ~Escapable, BitwiseCopyable {
    public let listenerRow: Int
    /// The host of the request; a port and a trailing dot are ignored.
    public let host: Span<UInt8>
    /// The path without the query.
    public let path: Span<UInt8>
    public let method: Span<UInt8>
    /// Looked at only if `RouteTable.needsFields`.
    public let fields: RequestFields

    @_lifetime(copy host, copy path, copy method, copy fields)
    public init(
        listenerRow: Int, host: Span<UInt8>, path: Span<UInt8>, method: Span<UInt8>,
        fields: RequestFields = RequestFields()
    ) {
        self.listenerRow = listenerRow
        self.host = host
        self.path = path
        self.method = method
        self.fields = fields
    }
}

/// The header fields of a request: its head, and where in it the fields are.
public struct RequestFields: ~Escapable, BitwiseCopyable {
    public let head: Span<UInt8>
    /// All of them within `head`.
    public let positions: Span<FieldPosition>

    /// No fields.
    @_lifetime(immortal)
    public init() {
        head = Span()
        positions = Span()
    }

    @_lifetime(copy head, copy positions)
    public init(head: Span<UInt8>, positions: Span<FieldPosition>) {
        self.head = head
        self.positions = positions
    }
}

/// Where one field line is in its head, in bytes from the start of the head.
public struct FieldPosition: Sendable, BitwiseCopyable {
    public var nameStart: UInt16
    public var nameEnd: UInt16
    public var valueStart: UInt16
    public var valueEnd: UInt16

    public init(nameStart: UInt16, nameEnd: UInt16, valueStart: UInt16, valueEnd: UInt16) {
        self.nameStart = nameStart
        self.nameEnd = nameEnd
        self.valueStart = valueStart
        self.valueEnd = valueEnd
    }
}
