/// Version 2 of the PROXY protocol: a fixed part, two addresses, and values behind them.
enum ProxyBinary {
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    /// Signature, version and command, family and protocol, and the length of the rest.
    static let fixedBytes = 16

    static func read(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        for index in 0..<min(signature.count, bytes.count) where bytes[index] != signature[index] {
            throw .missing
        }
        guard bytes.count > 12 else { return nil }
        guard bytes[12] >> 4 == 2 else { throw .unknownVersion(bytes[12] >> 4) }
        let command = bytes[12] & 15
        guard command <= 1 else { throw .unknownCommand(command) }
        guard bytes.count >= fixedBytes else { return nil }
        let family = bytes[13]
        let count = fixedBytes + Int(bytes.number16(at: 14))
        guard count <= ProxyHeader.bytesMaximum else { throw .tooLong(count) }
        let addressEnd = fixedBytes + (try addressBytes(of: family))
        guard addressEnd <= count else { throw .tooShort(count) }
        guard bytes.count >= count else { return nil }

        let whole = bytes.extracting(first: count)
        // Who speaks for himself says nothing by what follows.
        guard command == 1 else { return ProxyHeader(byteCount: count, addresses: nil) }
        let facts = try ProxyValues.check(whole, from: addressEnd)
        return ProxyHeader(
            byteCount: count, addresses: addresses(whole, family: family),
            values: addressEnd..<count, isSecure: facts.isSecure)
    }

    /// Of both addresses together, by family and protocol.
    private static func addressBytes(of family: UInt8) throws(ProxyHeaderError) -> Int {
        switch family {
        case 0x00: 0
        case 0x11, 0x12: 12
        case 0x21, 0x22: 36
        case 0x31, 0x32: 216
        default: throw .unknownFamily(family)
        }
    }

    /// Nil for what is no TCP.
    private static func addresses(
        _ bytes: Span<UInt8>, family: UInt8
    ) -> ProxyHeader.Addresses? {
        switch family {
        case 0x11:
            ProxyHeader.Addresses(
                client: SocketAddress(
                    ipv4: bytes.number32(at: 16), port: bytes.number16(at: 24)),
                server: SocketAddress(
                    ipv4: bytes.number32(at: 20), port: bytes.number16(at: 26)))
        case 0x21:
            ProxyHeader.Addresses(
                client: SocketAddress(
                    high: bytes.number64(at: 16), low: bytes.number64(at: 24),
                    port: bytes.number16(at: 48)),
                server: SocketAddress(
                    high: bytes.number64(at: 32), low: bytes.number64(at: 40),
                    port: bytes.number16(at: 50)))
        default: nil
        }
    }
}

extension Span where Element == UInt8 {
    /// Big-endian, as networks have it.
    func number16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    func number32(at offset: Int) -> UInt32 {
        UInt32(number16(at: offset)) << 16 | UInt32(number16(at: offset + 2))
    }

    func number64(at offset: Int) -> UInt64 {
        UInt64(number32(at: offset)) << 32 | UInt64(number32(at: offset + 4))
    }
}
