/// Writes PROXY headers, for upstreams that want them.
public enum ProxyWriter {
    /// The versions of the protocol.
    public enum Version: Sendable { case text, binary }

    /// The longest header that is written.
    public static let bytesMaximum = ProxyHeader.bytesMaximum

    /// Appends a header to `buffer`, which has room for `bytesMaximum`.
    ///
    /// - Parameters:
    ///   - addresses: nil if the connection is weir's own, such as a probe.
    ///   - values: for `binary`, values one behind the other; more than fit are left out.
    public static func append(
        _ version: Version, _ addresses: ProxyHeader.Addresses?, values: [UInt8] = [],
        to buffer: inout Buffer
    ) {
        switch version {
        case .text: buffer.append(Array(text(addresses).utf8).span)
        case .binary: buffer.append(binary(addresses, values: values).span)
        }
    }

    /// A header for a connection of weir's own.
    public static func local(_ version: Version) -> [UInt8] {
        switch version {
        case .text: Array(text(nil).utf8)
        case .binary: binary(nil, values: [])
        }
    }

    private static func text(_ addresses: ProxyHeader.Addresses?) -> String {
        guard let addresses else { return "PROXY UNKNOWN\r\n" }
        let client = addresses.client
        let server = addresses.server
        let isIPv4 = client.isIPv4 && server.isIPv4
        return "PROXY \(isIPv4 ? "TCP4" : "TCP6") \(host(client, isIPv4)) \(host(server, isIPv4))"
            + " \(client.port) \(server.port)\r\n"
    }

    /// Both addresses of a header are of one family.
    private static func host(_ address: SocketAddress, _ isIPv4: Bool) -> String {
        address.isIPv4 && !isIPv4 ? "::ffff:\(address.host)" : address.host
    }

    private static func binary(
        _ addresses: ProxyHeader.Addresses?, values: [UInt8]
    ) -> [UInt8] {
        var header = ProxyBinary.signature
        guard let addresses else { return header + [0x20, 0, 0, 0] }
        let client = addresses.client
        let server = addresses.server
        let isIPv4 = client.isIPv4 && server.isIPv4
        header += [0x21, isIPv4 ? 0x11 : 0x21]
        let room = bytesMaximum - ProxyBinary.fixedBytes - 36
        let values = values.count <= room ? values : []
        append(UInt16((isIPv4 ? 12 : 36) + values.count), to: &header)
        for address in [client, server] {
            if isIPv4 {
                append(address.ipv4, to: &header)
            } else {
                append(address.high, to: &header)
                append(address.low, to: &header)
            }
        }
        append(client.port, to: &header)
        append(server.port, to: &header)
        return header + values
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
