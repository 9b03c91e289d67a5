import HTTP
import Testing

@Suite("Requests as the upstream gets them")
struct RequestForwardingTests {
    private static let id = RequestID(high: 0x0123_4567_89ab_cdef, low: 1)
    private static let idText = "0123456789abcdef0000000000000001"

    private static func forwarding(_ address: String = "192.0.2.1") -> Forwarding {
        Forwarding(address: address, id: id)
    }

    private static var trusting: Forwarding {
        var forwarding = forwarding()
        forwarding.isTrusted = true
        return forwarding
    }

    /// What weir adds for a client at 192.0.2.1 that asked for host `a`.
    private static let origin = [
        "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: a",
        "Forwarded: for=192.0.2.1;host=\"a\";proto=http", "X-Request-ID: " + idText,
    ]

    private static func lines(_ lines: [String]) -> String {
        lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test("Fields go on byte for byte and in order, and weir's own follow")
    func plain() throws {
        let kept = [
            "GET /p?q HTTP/1.1", "hOST:a", "X-One:  1 ", "Accept: */*", "x-one: \tf\u{fc}r",
        ]
        #expect(
            try forwarded(Self.lines(kept), Self.forwarding()) == Self.lines(kept + Self.origin))
    }

    @Test("What is meant for one hop does not go on, nor what Connection names")
    func hopByHop() throws {
        let request = head(
            "POST / HTTP/1.1", "Connection: close, X-Secret ,keep-alive", "Host: a",
            "Keep-Alive: timeout=5", "X-Secret: 1", "X-Secrets: 2", "Proxy-Connection: a",
            "Proxy-Authorization: b", "Upgrade: websocket", "HTTP2-Settings: x",
            "Content-Length: 3", "x-secret: 3")
        let expected = ["POST / HTTP/1.1", "Host: a", "X-Secrets: 2", "Content-Length: 3"]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("Connection cannot have removed what others rely on")
    func protected() throws {
        let request = head(
            "POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Cookie: c", "Authorization: d",
            "Connection: host, content-length, cookie, authorization, x-forwarded-for")
        let expected = [
            "POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Cookie: c", "Authorization: d",
        ]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("An untrusted client cannot say where it comes from")
    func untrusted() throws {
        let request = head(
            "GET / HTTP/1.1", "X-Forwarded-For: 6.6.6.6", "Host: a", "x-forwarded-proto: https",
            "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6", "X-Forwarded-Port: 1",
            "X-Real-IP: 6.6.6.6", "X-Request-ID: mine", "X_Forwarded_For: 6.6.6.6")
        let expected = ["GET / HTTP/1.1", "Host: a"]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("What a trusted client says is kept and added to")
    func trusted() throws {
        let request = head(
            "GET / HTTP/1.1", "X-Forwarded-For: 6.6.6.6, 7.7.7.7", "Host: a",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: b", "X-Forwarded-For: 8.8.8.8",
            "Forwarded: for=6.6.6.6;proto=https", "X-Forwarded-Port: 443", "X-Request-ID: mine-1")
        let expected = Self.lines([
            "GET / HTTP/1.1", "Host: a", "X-Forwarded-Proto: https", "X-Forwarded-Host: b",
            "X-Forwarded-Port: 443",
            "X-Forwarded-For: 6.6.6.6, 7.7.7.7, 8.8.8.8, 192.0.2.1",
            "Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;host=\"a\";proto=http",
            "X-Request-ID: mine-1",
        ])
        #expect(try forwarded(request, Self.trusting) == expected)
    }

    @Test("A trusted client that says nothing is described like any other")
    func trustedAndSilent() throws {
        let kept = ["GET / HTTP/1.1", "Host: a"]
        #expect(try forwarded(Self.lines(kept), Self.trusting) == Self.lines(kept + Self.origin))
    }

    @Test(
        "A request id that is not sane is replaced",
        arguments: [
            ["X-Request-ID: a b"], ["X-Request-ID:"], ["X-Request-ID: a", "X-Request-ID: b"],
            ["X-Request-ID: " + String(repeating: "a", count: 65)], ["X-Request-ID: \"a\""],
        ])
    func requestIDs(fields: [String]) throws {
        let request = Self.lines(["GET / HTTP/1.1", "Host: a"] + fields)
        let expected = Self.lines(["GET / HTTP/1.1", "Host: a"] + Self.origin)
        #expect(try forwarded(request, Self.trusting) == expected)
    }

    @Test("An IPv6 client is quoted in Forwarded and not in X-Forwarded-For (RFC 7239 §6)")
    func ipv6() throws {
        var forwarding = Self.forwarding("2001:db8::1")
        forwarding.scheme = .https
        let expected = Self.lines([
            "GET / HTTP/1.1", "Host: [::1]:80", "X-Forwarded-For: 2001:db8::1",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: [::1]:80",
            "Forwarded: for=\"[2001:db8::1]\";host=\"[::1]:80\";proto=https",
            "X-Request-ID: " + Self.idText,
        ])
        #expect(try forwarded(head("GET / HTTP/1.1", "Host: [::1]:80"), forwarding) == expected)
    }

    @Test("An absolute target goes on in origin form, with its own Host (RFC 9112 §3.2.2)")
    func absolute() throws {
        let request = head("GET http://a?q HTTP/1.1", "X: y", "Host: b")
        let expected = ["GET /?q HTTP/1.1", "Host: a", "X: y"]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("OPTIONS for the whole server stays so (RFC 9112 §3.2.4)")
    func options() throws {
        let expected = Self.lines(["OPTIONS * HTTP/1.1", "Host: a"] + Self.origin)
        #expect(
            try forwarded(head("OPTIONS * HTTP/1.1", "Host: a"), Self.forwarding()) == expected)
        #expect(
            try forwarded(head("OPTIONS http://a HTTP/1.1", "Host: b"), Self.forwarding())
                == expected)
    }

    @Test("An old request without Host gets an empty one, and cannot expect anything")
    func old() throws {
        let request = head("GET / HTTP/1.0", "Expect: 100-continue", "X: y")
        let expected = Self.lines([
            "GET / HTTP/1.1", "Host: ", "X: y", "X-Forwarded-For: 192.0.2.1",
            "X-Forwarded-Proto: http", "Forwarded: for=192.0.2.1;proto=http",
            "X-Request-ID: " + Self.idText,
        ])
        #expect(try forwarded(request, Self.forwarding()) == expected)
    }

    @Test("Chunks are announced by weir itself, once, and Expect passes")
    func chunked() throws {
        let request = head(
            "PUT / HTTP/1.1", "Host: a", "transfer-encoding:  Chunked", "Expect: 100-continue",
            "Trailer: Sum")
        let expected = [
            "PUT / HTTP/1.1", "Host: a", "Expect: 100-continue", "Trailer: Sum",
            "Transfer-Encoding: chunked",
        ]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("Of TE only trailers go on (RFC 9110 §10.1.4)")
    func trailers() throws {
        let request = head("GET / HTTP/1.1", "Host: a", "TE: gzip, trailers", "Connection: TE")
        let expected = ["GET / HTTP/1.1", "Host: a", "TE: trailers", "Connection: TE"]
        #expect(try forwarded(request, Self.forwarding()) == Self.lines(expected + Self.origin))
    }

    @Test("An upgrade goes on where it may")
    func upgrade() throws {
        var forwarding = Self.forwarding()
        let fields = ["GET / HTTP/1.1", "Host: a", "Upgrade: websocket"]
        let request = Self.lines(fields + ["Connection: keep-alive, Upgrade"])
        #expect(
            try forwarded(request, forwarding)
                == Self.lines(["GET / HTTP/1.1", "Host: a"] + Self.origin))
        forwarding.keepsUpgrade = true
        #expect(
            try forwarded(request, forwarding)
                == Self.lines(fields + ["Connection: upgrade"] + Self.origin))
        #expect(
            try forwarded(Self.lines(fields + ["TE: trailers", "Connection: Upgrade"]), forwarding)
                == Self.lines(fields + ["TE: trailers", "Connection: TE, upgrade"] + Self.origin))
    }

    @Test("Via is added on request")
    func via() throws {
        var forwarding = Self.forwarding()
        forwarding.addsVia = true
        let kept = ["GET / HTTP/1.1", "Via: 1.0 x", "Host: a"]
        #expect(
            try forwarded(Self.lines(kept), forwarding)
                == Self.lines(kept + Self.origin + ["Via: 1.1 weir"]))
    }

    @Test("A head that does not fit is not written, whatever the room")
    func tooSmall() throws {
        let bytes = Array(Samples.browser.utf8)
        var head = RequestHead()
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        let full = try #require(try forwarded(Samples.browser, Self.forwarding())).utf8.count
        for room in 0...full {
            var space = [UInt8](repeating: 0, count: room)
            var span = space.mutableSpan
            let count = Self.forwarding().write(head, from: bytes.span, into: &span)
            #expect(count == (room == full ? full : nil))
        }
    }
}
