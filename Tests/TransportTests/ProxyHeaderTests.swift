import Testing

@testable import Transport

@Suite("PROXY headers")
struct ProxyHeaderTests {
    @Test(
        "A line of version 1 says who the client is",
        arguments: [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1:56324",
                "198.51.100.7:443"
            ),
            ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "[2001:db8::1]:0", "[::1]:65535"),
            ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1:1", "[::1]:2"),
        ])
    func lines(line: String, client: String, server: String) throws {
        let header = try #require(try read(line + "GET /"))
        #expect(header.byteCount == line.utf8.count)
        #expect(header.addresses?.client.description == client)
        #expect(header.addresses?.server.description == server)
        #expect(header.values.isEmpty)
    }

    @Test(
        "UNKNOWN says nothing about the client, whatever follows it",
        arguments: [
            "PROXY UNKNOWN\r\n",
            "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        ])
    func unknown(line: String) throws {
        let header = try #require(try read(line))
        #expect(header.byteCount == line.utf8.count)
        #expect(header.addresses == nil)
    }

    @Test(
        "A line that is not exactly as specified is refused",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", .missing), ("proxy TCP4 ", .missing),
            ("PROXY\r\n", .missing), ("POST / HTTP/1.1\r\n", .missing),
            ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", .malformedLine),
            ("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY UNKNOWNS\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r.", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", .malformedLine),
            ("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", .malformedPort),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", .malformedPort),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", .malformedPort),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", .malformedPort),
            ("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", .malformedAddress),
            ("PROXY TCP4 ::1 1.2.3.4 1 2\r\n", .malformedAddress),
            ("PROXY TCP6 1.2.3.4 ::1 1 2\r\n", .malformedAddress),
            ("PROXY TCP6 [::1] ::1 1 2\r\n", .malformedAddress),
            ("PROXY TCP4 app 1.2.3.4 1 2\r\n", .malformedAddress),
            ("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", .malformedAddress),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2" + String(repeating: "3", count: 90), .lineTooLong),
        ] as [(String, ProxyHeaderError)])
    func badLines(line: String, error: ProxyHeaderError) {
        #expect(throws: error) { try read(line) }
        #expect(!error.reason.isEmpty)
    }

    @Test("A header of version 2 says who the client is, and what else there is to say")
    func binary() throws {
        let client = try #require(SocketAddress(numeric: "192.0.2.1", port: 5))
        let server = try #require(SocketAddress(numeric: "2001:db8::2", port: 443))
        let ends = ProxyHeader.Addresses(client: client, server: server)
        let values = ProxyValues.describing(
            authority: "a.example",
            tls: ProxyTLS(
                version: "TLSv1.3", certificate: .onThisConnection, commonName: "someone"))
        let bytes = written(.binary, ends, values: values)
        let header = try #require(try read(bytes + [1, 2, 3]))
        #expect(header.byteCount == bytes.count)
        #expect(header.addresses == ends)
        #expect(header.isSecure)
        #expect(ProxyValues.passedOn(bytes.span, header) == values)
    }

    @Test("What is said of TLS is in the bytes that the specification has for it")
    func tlsBytes() {
        func about(_ certificate: ProxyTLS.Certificate) -> [UInt8] {
            ProxyValues.describing(
                spoken: "http/1.1", authority: "a",
                tls: ProxyTLS(version: "TLSv1.2", certificate: certificate))
        }
        let front: [UInt8] = [1, 0, 8] + Array("http/1.1".utf8) + [2, 0, 1, 0x61, 0x20, 0, 15]
        let version: [UInt8] = [0x21, 0, 7] + Array("TLSv1.2".utf8)
        #expect(about(.none) == front + [1, 0, 0, 0, 1] + version)
        #expect(about(.onThisConnection) == front + [7, 0, 0, 0, 0] + version)
        #expect(about(.inSession) == front + [5, 0, 0, 0, 0] + version)
        let id: [UInt8] = [5, 0, 2, 8, 9]
        #expect(ProxyValues.connectionID(in: about(.none) + id) == id[...])
        #expect(ProxyValues.connectionID(in: about(.none)).isEmpty)
    }

    @Test("Headers read back as they are written, however they are split")
    func roundTrip() throws {
        let four = try #require(SocketAddress(numeric: "192.0.2.1", port: 80))
        let six = try #require(SocketAddress(numeric: "2001:db8::1", port: 65_535))
        for version in [ProxyWriter.Version.text, .binary] {
            for (client, server) in [(four, four), (six, six), (four, six), (six, four)] {
                let ends = ProxyHeader.Addresses(client: client, server: server)
                let bytes = written(version, ends)
                for count in 0..<bytes.count { #expect(try read(Array(bytes[..<count])) == nil) }
                #expect(try read(bytes)?.addresses == ends)
            }
            let local = ProxyWriter.local(version)
            for count in 0..<local.count { #expect(try read(Array(local[..<count])) == nil) }
            let header = try #require(try read(local))
            #expect(header.addresses == nil)
            #expect(header.byteCount == local.count)
        }
    }

    @Test("LOCAL, and families that are not TCP, leave the connection its own addresses")
    func others() throws {
        let udp = binary(family: 0x12, Array(repeating: 1, count: 12))
        #expect(try read(udp)?.addresses == nil)
        let unix = binary(family: 0x31, Array(repeating: 0, count: 216))
        #expect(try read(unix)?.byteCount == 232)
        let local = binary(command: 0x20, family: 0x11, Array(repeating: 1, count: 12))
        #expect(try read(local)?.addresses == nil)
        #expect(try read(binary(family: 0, []))?.byteCount == 16)
    }

    @Test("A header of version 2 that is not exactly as specified is refused")
    func badBinary() {
        let twelve = [UInt8](repeating: 1, count: 12)
        var other = binary(family: 0x11, twelve)
        other[3] = 0
        expect(other, .missing)
        expect(binary(command: 0x11, family: 0x11, twelve), .unknownVersion(1))
        expect(binary(command: 0x22, family: 0x11, twelve), .unknownCommand(2))
        expect(binary(family: 0x13, twelve), .unknownFamily(0x13))
        expect(binary(family: 0x41, twelve), .unknownFamily(0x41))
        expect(binary(family: 0x11, Array(twelve.dropLast())), .tooShort(27))
        expect(binary(family: 0x11, twelve + [UInt8](repeating: 0, count: 5_000)), .tooLong(5_028))
        expect(binary(family: 0x11, twelve + [4]), .malformedValues)
        expect(binary(family: 0x11, twelve + [4, 0, 5, 1]), .malformedValues)
        expect(binary(family: 0x11, twelve + [2, 0, 0]), .malformedValues)
        expect(
            binary(family: 0x11, twelve + [2, 0, 1, 97, 2, 0, 1, 98]), .malformedValues)
        expect(binary(family: 0x11, twelve + [0x20, 0, 4, 1, 0, 0, 0]), .malformedValues)
        expect(
            binary(family: 0x11, twelve + [0x20, 0, 7, 1, 0, 0, 0, 0, 0x21, 9]), .malformedValues)
        let longID = [UInt8](repeating: 7, count: 129)
        expect(binary(family: 0x11, twelve + [5, 0, 129] + longID), .malformedValues)
        expect(binary(family: 0x11, twelve + [3, 0, 3, 0, 0, 0]), .malformedValues)
    }

    @Test("The checksum is looked at where there is one")
    func checksum() throws {
        #expect(CRC32C.of(Array("123456789".utf8).span) == 0xe306_9283)
        let addresses: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187]
        var bytes = binary(family: 0x11, addresses + [3, 0, 4, 0, 0, 0, 0])
        let sum = CRC32C.of(bytes.span)
        for index in 0..<4 {
            bytes[bytes.count - 4 + index] = UInt8(
                truncatingIfNeeded: sum >> UInt32(24 - index * 8))
        }
        #expect(try read(bytes)?.addresses?.client.host == "192.0.2.1")
        bytes[17] ^= 1
        expect(bytes, .wrongChecksum)
    }

    @Test("Whatever comes is a header, the beginning of one, or an error")
    func noise() throws {
        let values = ProxyValues.describing(
            authority: "a", tls: ProxyTLS(version: "", certificate: .none))
        let twelve = [UInt8](repeating: 9, count: 12)
        let good = [
            binary(family: 0x11, twelve + values), Array("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n".utf8),
        ]
        for bytes in good {
            for position in bytes.indices {
                for change in [UInt8(1), 0x80, 0xff] {
                    var changed = bytes
                    changed[position] ^= change
                    do {
                        let header = try read(changed)
                        #expect(header.map { $0.byteCount <= changed.count } ?? true)
                    } catch is ProxyHeaderError {
                        continue
                    }
                }
            }
        }
    }

    private func expect(_ bytes: [UInt8], _ error: ProxyHeaderError) {
        #expect(throws: error) { try read(bytes) }
    }

    private func read(_ text: String) throws -> ProxyHeader? { try read(Array(text.utf8)) }

    private func read(_ bytes: [UInt8]) throws -> ProxyHeader? {
        try ProxyHeader.read(bytes.span)
    }

    private func binary(
        command: UInt8 = 0x21, family: UInt8, _ rest: [UInt8]
    ) -> [UInt8] {
        ProxyBinary.signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)]
            + rest
    }

    private func written(
        _ version: ProxyWriter.Version, _ ends: ProxyHeader.Addresses?, values: [UInt8] = []
    ) -> [UInt8] {
        var buffer = Buffer.allocate(capacity: ProxyWriter.bytesMaximum)
        defer { buffer.deallocate() }
        ProxyWriter.append(version, ends, values: values, to: &buffer)
        return buffer.bytes.indices.map { buffer.bytes[$0] }
    }
}
