/// What the first bytes of a connection say about the client that is behind the proxy which made
/// it: the PROXY protocol, versions 1 and 2, as its specification of 2020 has it.
///
/// Strict: what is not exactly as specified is refused, and nothing behind it is looked at.
public struct ProxyHeader: Equatable, Sendable {
    /// The longest header of version 1, with its line end.
    static let textBytesMaximum = 107
    /// The longest header of version 2 that is read here; the format would allow 65,551.
    public static let bytesMaximum = 4_096

    /// The bytes of the header; the connection's own follow.
    public let byteCount: Int
    /// Who connected to the proxy, and where to; nil if it speaks for itself (as its own probes
    /// do), or does not know, or the two are no TCP addresses: the connection's own count then.
    public let addresses: Addresses?
    /// Where the values of version 2 are in the bytes; empty if there are none.
    public let values: Range<Int>
    /// The client spoke TLS with the proxy.
    public let isSecure: Bool

    /// The two ends of the connection that the proxy accepted.
    public struct Addresses: Equatable, Sendable {
        public var client: SocketAddress
        public var server: SocketAddress

        public init(client: SocketAddress, server: SocketAddress) {
            self.client = client
            self.server = server
        }
    }

    init(
        byteCount: Int, addresses: Addresses?, values: Range<Int> = 0..<0, isSecure: Bool = false
    ) {
        self.byteCount = byteCount
        self.addresses = addresses
        self.values = values
        self.isSecure = isSecure
    }

    /// Reads the header at the front of `bytes`.
    ///
    /// - Returns: nil while the bytes are the beginning of a header that may become one.
    /// - Throws: `ProxyHeaderError` as soon as they cannot: the connection is to be closed.
    public static func read(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        guard bytes.count > 0 else { return nil }
        if bytes[0] == UInt8(ascii: "P") { return try ProxyText.read(bytes) }
        return try ProxyBinary.read(bytes)
    }
}

/// Why the first bytes of a connection are no PROXY header.
public enum ProxyHeaderError: Error, Equatable, Sendable {
    case missing
    case malformedLine, lineTooLong, malformedAddress, malformedPort
    case unknownVersion(UInt8), unknownCommand(UInt8), unknownFamily(UInt8)
    case tooLong(Int), tooShort(Int)
    case malformedValues, wrongChecksum

    /// What was found, and what is accepted, for the log.
    public var reason: String {
        switch self {
        case .missing: "a PROXY header is required from this address, and there is none"
        case .malformedLine:
            "PROXY header: expected \"PROXY TCP4|TCP6 source destination port port\" and CRLF, or"
                + " \"PROXY UNKNOWN\""
        case .lineTooLong: "PROXY header: no line end within \(ProxyHeader.textBytesMaximum) bytes"
        case .malformedAddress: "PROXY header: an address is not one of its family"
        case .malformedPort: "PROXY header: a port is not a number from 0 to 65535"
        case .unknownVersion(let version): "PROXY header: version \(version); accepted are 1 and 2"
        case .unknownCommand(let command): "PROXY header: command \(command); accepted are 0 and 1"
        case .unknownFamily(let family): "PROXY header: unassigned family and protocol \(family)"
        case .tooLong(let count):
            "PROXY header: \(count) bytes; accepted are \(ProxyHeader.bytesMaximum)"
        case .tooShort(let count): "PROXY header: \(count) bytes are too few for its addresses"
        case .malformedValues: "PROXY header: its values do not fill it exactly, or are malformed"
        case .wrongChecksum: "PROXY header: its CRC32C is not that of its bytes"
        }
    }
}
