import Testing

@testable import Transport

@Suite("ClientHello")
struct ClientHelloTests {
    @Test("The name is found, in one record or in many, wherever they are cut")
    func fragments() throws {
        let message = Hello(name: "a.example.com").message
        for size in [1, 2, 3, 7, 64, message.count] {
            #expect(try name(in: records(message, of: size)) == "a.example.com")
        }
    }

    @Test("Each beginning of a ClientHello may become one")
    func beginnings() throws {
        for size in [5, 16_384] {
            let bytes = records(Hello(name: "b.example").message, of: size)
            for count in 0..<bytes.count {
                #expect(try read(Array(bytes[..<count])) == nil, "\(count) of \(bytes.count)")
            }
            #expect(try name(in: bytes) == "b.example")
        }
    }

    @Test("What follows in records of its own, such as early data, is left alone")
    func earlyData() throws {
        let bytes = records(Hello(name: "c.example").message, of: 16_384) + [23, 3, 3, 0, 1, 9]
        #expect(try name(in: bytes) == "c.example")
    }

    @Test("A client may name nobody, and TLS 1.2 needs no extensions")
    func noName() throws {
        #expect(try name(in: records(Hello(name: nil).message, of: 99)) == nil)
        #expect(
            try name(in: records(Hello(name: nil, hasExtensions: false).message, of: 99)) == nil)
    }

    @Test("Unknown extensions, values of GREASE and an encrypted ClientHello are passed over")
    func unknown() throws {
        var hello = Hello(name: "outer.example")
        hello.before = [0x0a, 0x0a, 0, 0, 0xfe, 0x0d, 0, 3, 1, 2, 3]
        hello.after = [0xba, 0xba, 0, 1, 0]
        #expect(try name(in: records(hello.message, of: 30)) == "outer.example")
    }

    @Test(
        "What is no TLS is known by its first bytes",
        arguments: [
            Array("GET / HTTP/1.1\r\n".utf8), [22, 2, 0], [23, 3, 1, 0, 1, 0], [0x80, 0x2e, 1],
        ])
    func noTLS(bytes: [UInt8]) {
        #expect(throws: ClientHelloError.noTLS) { try read(bytes) }
    }

    @Test("A ClientHello that is not well-formed is refused")
    func malformed() {
        let good = Hello(name: "d.example").message
        expectMalformed(changed(good, at: 0, to: 2), "another message")
        expectMalformed(changed(good, at: 4, to: 2), "another version")
        expectMalformed(changed(good, at: 38, to: 33), "a long session id")
        expectMalformed(changed(good, at: 72, to: 3), "half a cipher suite")
        expectMalformed(changed(good, at: 75, to: 0), "no compression")
        expectMalformed(good + [0], "bytes behind it")
        var twice = Hello(name: "d.example")
        twice.after = twice.nameExtension
        expectMalformed(twice.message, "two names")
        for name in ["", "a b", "a\0", "ä.example", String(repeating: "a", count: 256)] {
            expectMalformed(Hello(name: name).message, "the name '\(name)'")
        }
        #expect(throws: ClientHelloError.malformed) { try read([22, 3, 1, 0, 0]) }
        #expect(throws: ClientHelloError.malformed) { try read([22, 3, 1, 0x40, 1]) }
    }

    @Test("One that is too long is refused before it has come")
    func tooLong() {
        #expect(throws: ClientHelloError.tooLong) { try read([22, 3, 1, 0x20, 0, 1, 1, 0, 0]) }
        var hello = Hello(name: "e.example")
        hello.after = [0x33, 0x33, 0x3f, 0x00] + [UInt8](repeating: 0, count: 0x3f00)
        let bytes = records(hello.message, of: 1)
        #expect(throws: ClientHelloError.tooLong) { try read(Array(bytes.prefix(16_384))) }
    }

    @Test("Whatever comes is a ClientHello, the beginning of one, or an error")
    func noise() throws {
        let bytes = records(Hello(name: "f.example").message, of: 40)
        for position in bytes.indices {
            for change in [UInt8(1), 0x10, 0xff] {
                do {
                    _ = try read(changed(bytes, at: position, to: bytes[position] ^ change))
                } catch is ClientHelloError {
                    continue
                }
            }
        }
    }

    /// A ClientHello that is as usual but for what is set.
    struct Hello {
        var name: String?
        var hasExtensions = true
        var before: [UInt8] = []
        var after: [UInt8] = []

        var nameExtension: [UInt8] {
            guard let name else { return [] }
            let bytes = Array(name.utf8)
            return [0, 0] + counted(counted([0] + counted(bytes)))
        }

        var message: [UInt8] {
            var body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32)
            body += [32] + [UInt8](repeating: 8, count: 32) + counted([0x13, 1]) + [1, 0]
            if hasExtensions {
                body += counted(before + nameExtension + [0x00, 0x2b, 0, 3, 2, 3, 4] + after)
            }
            return [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 255)]
                + [UInt8(body.count & 255)] + body
        }

        private func counted(_ bytes: [UInt8]) -> [UInt8] {
            [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
        }
    }

    private func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start in
            let part = message[start..<min(start + size, message.count)]
            return [22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part
        }
    }

    private func changed(_ bytes: [UInt8], at position: Int, to byte: UInt8) -> [UInt8] {
        var bytes = bytes
        bytes[position] = byte
        return bytes
    }

    private func expectMalformed(_ message: [UInt8], _ what: String) {
        #expect(throws: ClientHelloError.malformed, "\(what)") {
            try read(records(message, of: 16_384))
        }
    }

    private func read(_ bytes: [UInt8]) throws -> ClientHello? {
        var message = Buffer.allocate(capacity: ClientHello.bytesMaximum)
        defer { message.deallocate() }
        return try ClientHello.read(bytes.span, into: &message)
    }

    private func name(in bytes: [UInt8]) throws -> String? {
        var message = Buffer.allocate(capacity: ClientHello.bytesMaximum)
        defer { message.deallocate() }
        let hello = try #require(try ClientHello.read(bytes.span, into: &message))
        return hello.serverName.map { range in
            String(decoding: range.map { message.bytes[$0] }, as: UTF8.self)
        }
    }
}
