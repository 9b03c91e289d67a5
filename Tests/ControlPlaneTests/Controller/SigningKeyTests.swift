import Balancing
import Testing

@testable import ControlPlane

@Suite("Signing keys")
struct SigningKeyTests {
    private func key(_ text: String) -> SigningKey? { SigningKeys.key(of: Array(text.utf8)) }

    @Test("32 hexadecimal digits are the key, with or without a line end, in any letters")
    func digits() {
        let expected = SigningKey(high: 0x0f0e_0d0c_0b0a_0908, low: 0x0706_0504_0302_0100)
        #expect(key("000102030405060708090a0b0c0d0e0f") == expected)
        #expect(key("000102030405060708090A0B0C0D0E0F\r\n") == expected)
    }

    @Test("Of anything else that is long enough the key is made, all of it")
    func anything() throws {
        let one = try #require(key("correct horse battery staple"))
        #expect(key("correct horse battery staple\n") == one)
        #expect(key("correct horse battery stapler") != one)
        #expect(key("+00102030405060708090a0b0c0d0e0f") != nil)
        #expect(one.high != one.low)
    }

    @Test("Fewer than 16 bytes are no key", arguments: ["", "\n", "0123456789abcde\n"])
    func short(text: String) {
        #expect(key(text) == nil)
    }

    private func configuration(_ path: String) throws -> Configuration {
        var cookie = CookieConfiguration()
        cookie.keyFile = path
        var pool = ControlDesk.pool("app", [])
        pool.sticky = cookie
        return ControlDesk.configuration(pools: [pool])
    }

    @Test("Cookies are signed with the key of their file, others with weir's own, which is random")
    func ofFile() throws {
        let path = "/tmp/weir-key-\(UInt64.random(in: 0...(.max)))"
        try TemporaryFile.write("000102030405060708090a0b0c0d0e0f\n", to: path)
        defer { TemporaryFile.remove(path) }
        let desk = try ControlDesk(configuration(path))
        try desk.control.start()
        let key = try #require(desk.last?.pools.first?.sticky?.key)
        #expect(key == SigningKey(high: 0x0f0e_0d0c_0b0a_0908, low: 0x0706_0504_0302_0100))
        #expect(desk.controller.signingKey != key)
        #expect(SigningKey.random() != SigningKey.random())
        #expect(!desk.lines.joined().contains("0001020304"))
    }

    @Test("A key file that is missing or too short stops the start with its path, not its content")
    func broken() throws {
        let path = "/tmp/weir-key-\(UInt64.random(in: 0...(.max)))"
        let missing = try ControlDesk(configuration(path))
        let first = #expect(throws: ControlError.self) { try missing.control.start() }
        #expect(first?.problems.first?.hasPrefix("key_file: \(path) cannot be read: ") == true)
        try TemporaryFile.write("secret\n", to: path)
        defer { TemporaryFile.remove(path) }
        let short = try ControlDesk(configuration(path))
        let second = #expect(throws: ControlError.self) { try short.control.start() }
        #expect(
            second?.problems == [
                "key_file: \(path) has 7 bytes; accepted are 32 hexadecimal digits, or any 16"
                    + " bytes or more"
            ])
    }

    @Test("Another key is published at once")
    func changed() throws {
        var pool = ControlDesk.pool("app", [])
        pool.sticky = CookieConfiguration()
        let desk = try ControlDesk(ControlDesk.configuration(pools: [pool]))
        try desk.control.start()
        desk.controller.signingKey = SigningKey(high: 3, low: 4)
        desk.controller.publishIfDue()
        #expect(desk.last?.pools.first?.sticky?.key == SigningKey(high: 3, low: 4))
    }
}
