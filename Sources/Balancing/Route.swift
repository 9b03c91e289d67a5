/// What a request must look like to go to a target. All conditions must hold; an empty one always
/// does.
public struct Route: Sendable, Equatable {
    /// Its position in the configuration, for logs and `weir explain`.
    public var row: Int
    /// Rows of the listeners it belongs to; empty: all.
    public var listeners: [Int]
    public var host: HostPattern
    /// A prefix by segment: `/v1` and `/v1/` match `/v1` and `/v1/users`, never `/v10`.
    public var path: String?
    /// Methods in their exact letters (RFC 9110 §9.1); empty: all.
    public var methods: [String]
    public var headers: [HeaderRule]
    public var target: Target
    /// A request with `Idempotency-Key` counts as idempotent, whatever its method.
    public var honoursIdempotencyKey = false
    /// nil: as many requests as come.
    public var rateLimit: RateLimit?

    public init(
        row: Int, listeners: [Int] = [], host: HostPattern = .any, path: String? = nil,
        methods: [String] = [], headers: [HeaderRule] = [], target: Target
    ) {
        self.row = row
        self.listeners = listeners
        self.host = host
        self.path = path
        self.methods = methods
        self.headers = headers
        self.target = target
    }
}

/// Which hosts a route is for. Letters compare without regard to case (RFC 9110 §4.2.3).
public enum HostPattern: Sendable, Hashable {
    case any
    /// A whole host name or address, without port.
    case exact(String)
    /// A suffix that begins with a dot, such as `.example.com`; any labels may stand before it, at
    /// least one must.
    case wildcard(String)
}

/// A header field that must be there, and what it must say.
public struct HeaderRule: Sendable, Hashable {
    /// In lower case.
    public var name: String
    /// The exact value of one field line; nil: any.
    public var value: String?

    public init(name: String, value: String? = nil) {
        self.name = name
        self.value = value
    }
}
