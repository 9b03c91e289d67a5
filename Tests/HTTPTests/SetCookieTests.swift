import HTTP
import Testing

@Suite("Setting cookies")
struct SetCookieTests {
    private func line(_ cookie: SetCookie, _ name: String, room: Int = 256) -> String? {
        var space = [UInt8](repeating: 0, count: room)
        var span = space.mutableSpan
        guard let count = cookie.write(name: Array(name.utf8).span, into: &span) else { return nil }
        return String(decoding: space[..<count], as: UTF8.self)
    }

    @Test("A cookie is a field line for all paths, out of reach of scripts and other sites")
    func session() {
        #expect(
            line(SetCookie(tag: 0xab), "id")
                == "Set-Cookie: id=00000000000000ab; Path=/; HttpOnly; SameSite=Lax\r\n")
    }

    @Test("A number stands before the tag, an age behind")
    func complete() {
        var cookie = SetCookie(tag: .max)
        cookie.number = 9_999
        cookie.maxAgeSeconds = 2_592_000
        #expect(
            line(cookie, "weir_app")
                == "Set-Cookie: weir_app=9999.ffffffffffffffff; Path=/; HttpOnly; SameSite=Lax"
                + "; Max-Age=2592000\r\n")
    }

    @Test("What does not fit is not written")
    func tooLong() {
        #expect(line(SetCookie(tag: 1), "id", room: 40) == nil)
        var longest = SetCookie(tag: .max)
        longest.number = 9_999
        longest.maxAgeSeconds = 34_560_000
        let name = String(repeating: "n", count: 76)
        #expect(line(longest, name, room: SetCookie.bytesMaximum + 76) != nil)
    }

    @Test("Added field lines stand before the end of the head")
    func added() throws {
        let bytes = Array("HTTP/1.1 200 OK\r\nX: y\r\n\r\n".utf8)
        var head = ResponseHead()
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        var space = [UInt8](repeating: 0, count: 256)
        var span = space.mutableSpan
        let count = writeResponse(
            head, from: bytes.span, adding: Array("A: b\r\nC: d\r\n".utf8).span,
            forwarding: ResponseForwarding(), into: &span)
        let text = String(decoding: space[..<(count ?? 0)], as: UTF8.self)
        #expect(text == "HTTP/1.1 200 OK\r\nX: y\r\nA: b\r\nC: d\r\n\r\n")
    }
}
