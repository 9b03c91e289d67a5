public import Transport

/// Where a running weir's admin interface is.
public enum AdminAddress: Equatable, Sendable, CustomStringConvertible {
    case unixSocket(String)
    case network(SocketAddress)

    /// Where a weir of this configuration is: at its Unix socket, or, where nobody answers there
    /// (as in a container with nothing to write to), at its address.
    public init(_ configuration: AdminConfiguration) {
        let path = configuration.socketPath ?? ""
        if let address = configuration.bind, !AdminSocketFile.isAnswering(path) {
            self = .network(address)
        } else {
            self = .unixSocket(path)
        }
    }

    /// Parses `unix:/run/weir/admin.sock` or `http://127.0.0.1:9900`; nil if it is neither. A host
    /// is an IP address or `localhost`; without a port it is 9900.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            guard !path.isEmpty else { return nil }
            self = .unixSocket(String(path))
            return
        }
        guard text.hasPrefix("http://") else { return nil }
        var authority = text.dropFirst(7)
        if authority.hasSuffix("/") { authority.removeLast() }
        guard let address = AdminAddress.address(authority) else { return nil }
        self = .network(address)
    }

    public var description: String {
        switch self {
        case .unixSocket(let path): "unix:\(path)"
        case .network(let address): "http://\(address)"
        }
    }

    private static func address(_ authority: Substring) -> SocketAddress? {
        var host = authority
        var port: UInt16 = 9900
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            let digits = authority[authority.index(after: colon)...]
            guard let number = UInt16(digits) else { return nil }
            port = number
            host = authority[..<colon]
        }
        if host == "localhost" { return SocketAddress.loopback.withPort(port) }
        return SocketAddress(numeric: String(host), port: port)
    }
}
