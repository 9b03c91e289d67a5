public import Balancing

/// How clients of a split stay with their pool.
public enum StickyConfiguration: Equatable, Sendable {
    case off
    case cookie(CookieConfiguration)
    case hash(RequestKey)
}

/// A cookie that weir sets.
public struct CookieConfiguration: Equatable, Sendable {
    /// nil is made of the name of the split or the pool.
    public var name: String?
    /// nil is until the client is closed.
    public var maxAgeMilliseconds: Int?
    /// Where the key is that cookies are signed with; nil is a key of weir's own.
    public var keyFile: String?

    public init() {}

    /// The name of a split's cookie. Names in the file are safe in the name of a cookie.
    public func name(ofSplit split: String) -> String { name ?? "weir_\(split)" }

    /// The name of a pool's cookie.
    public func name(ofPool pool: String) -> String { name ?? "weir_replica_\(pool)" }
}

extension SplitConfiguration {
    /// As weir says it: `cookie weir_api`, `hash of header x-user` or `off`.
    public var stickyText: String {
        switch sticky {
        case .off: "off"
        case .cookie(let cookie): "cookie \(cookie.name(ofSplit: name))"
        case .hash(let key): "hash of \(key)"
        }
    }
}

extension PoolConfiguration {
    /// As weir says it: `cookie weir_replica_web` or `off`.
    public var stickyText: String { sticky.map { "cookie \($0.name(ofPool: name))" } ?? "off" }
}

/// A header or cookie by which a request chooses its pool itself.
public struct PinConfiguration: Equatable, Sendable {
    public var key: RequestKey
    /// One of the split.
    public var pool: String

    public init(key: RequestKey, pool: String) {
        self.key = key
        self.pool = pool
    }
}

extension RequestKey: CustomStringConvertible {
    /// As weir says it: `header x-user`.
    public var description: String {
        switch self {
        case .clientAddress: "address"
        case .path: "path"
        case .header(let name): "header \(name)"
        case .cookie(let name): "cookie \(name)"
        }
    }
}
