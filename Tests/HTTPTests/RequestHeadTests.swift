import HTTP
import Testing

@Suite("Request heads")
struct RequestHeadTests {
    @Test("A browser's request is read field by field")
    func browser() throws {
        let request = try #require(try readRequest(Samples.browser))
        #expect(request.byteCount == Samples.browser.utf8.count)
        #expect(request.method == .get)
        #expect(request.target == "/products/list?category=shoes&page=2")
        #expect(request.path == "/products/list")
        #expect(request.query == "?category=shoes&page=2")
        #expect(request.host == "shop.example.com")
        #expect(request.framing == .none)
        #expect(request.keepsAlive)
        #expect(request.fields.count == 9)
        #expect(request.fields[7] == "Empty=")
        #expect(request.fields[8] == "Cookie=session=0123456789abcdef; name=f\u{fc}r")
    }

    @Test("White space around a value does not belong to it")
    func whiteSpace() throws {
        let request = try #require(
            try readRequest(head("GET / HTTP/1.1", "Host: \t a \t", "X:\t", "Y:a  b")))
        #expect(request.fields == ["Host=a", "X=", "Y=a  b"])
    }

    @Test(
        "Every method is recognised, in upper case only",
        arguments: [
            ("GET", Method.get), ("HEAD", .head), ("OPTIONS", .options), ("PUT", .put),
            ("TRACE", .trace), ("DELETE", .delete), ("POST", .post), ("PATCH", .patch),
            ("get", .other), ("PROPFIND", .other), ("G", .other), ("GETS", .other),
        ])
    func methods(name: String, method: Method) throws {
        let request = try #require(try readRequest(head("\(name) / HTTP/1.1", "Host: a")))
        #expect(request.method == method)
    }

    @Test(
        "Connection and version decide whether the connection persists (RFC 9112 §9.3)",
        arguments: [
            ("1.1", "", true), ("1.1", "close", false), ("1.1", "foo, Close", false),
            ("1.1", "keep-alive", true), ("1.0", "", false), ("1.0", "Keep-Alive", true),
            ("1.0", "keep-alive, close", false),
        ])
    func persistence(version: String, connection: String, persists: Bool) throws {
        let request = try #require(
            try readRequest(
                head("GET / HTTP/\(version)", "Host: a", "Connection: \(connection)")))
        #expect(request.keepsAlive == persists)
    }

    @Test("Length, chunks or nothing frame the body (RFC 9112 §6.3)")
    func framing() throws {
        func framing(_ field: String) throws -> BodyFraming? {
            try readRequest(head("POST / HTTP/1.1", "Host: a", field))?.framing
        }
        #expect(try framing("X: y") == BodyFraming.none)
        #expect(try framing("Content-Length: 0") == BodyFraming.none)
        #expect(try framing("Content-Length: 0042") == .length(42))
        #expect(try framing("content-length: 18446744073709551615") == .length(.max))
        #expect(try framing("TRANSFER-ENCODING: CHUNKED") == .chunked)
    }

    @Test("Expect is honoured from HTTP/1.1 clients only (RFC 9110 §10.1.1)")
    func expect() throws {
        let new = try readRequest(head("PUT / HTTP/1.1", "Host: a", "Expect: 100-Continue"))
        let old = try readRequest(head("PUT / HTTP/1.0", "Host: a", "Expect: 100-continue"))
        #expect(new?.expectsContinue == true)
        #expect(old?.expectsContinue == false)
    }

    @Test(
        "An upgrade needs both fields, HTTP/1.1 and no body, and never leads to HTTP/2",
        arguments: [
            (["Connection: upgrade", "Upgrade: websocket"], "1.1", true),
            (["Connection: Upgrade, keep-alive", "Upgrade: foo/2"], "1.1", true),
            (["Upgrade: websocket"], "1.1", false),
            (["Connection: upgrade"], "1.1", false),
            (["Connection: upgrade", "Upgrade: websocket"], "1.0", false),
            (["Connection: upgrade", "Upgrade: h2c"], "1.1", false),
            (["Connection: upgrade", "Upgrade: websocket, H2C"], "1.1", false),
            (["Connection: upgrade", "Upgrade: a", "Content-Length: 1"], "1.1", false),
        ])
    func upgrade(fields: [String], version: String, wants: Bool) throws {
        let text = (["GET / HTTP/\(version)", "Host: a"] + fields).joined(separator: "\r\n")
        #expect(try readRequest(text + "\r\n\r\n")?.wantsUpgrade == wants)
    }

    @Test("Up to two empty lines before a request are skipped (RFC 9112 §2.2)")
    func emptyLines() throws {
        let request = try #require(try readRequest("\r\n\r\nGET /x HTTP/1.0\r\n\r\n"))
        #expect(request.byteCount == 23)
        #expect(request.path == "/x")
        #expect(throws: HTTPError.malformedStartLine) {
            try readRequest("\r\n\r\n\r\nGET /x HTTP/1.0\r\n\r\n")
        }
    }

    @Test("A head is read anew each time, without traces of the one before")
    func reuse() throws {
        var head = RequestHead()
        let first = Array(Samples.requests[7].utf8)
        let second = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        #expect(try head.parse(first.span, limits: HeadLimits()))
        #expect(try head.parse(second.span, limits: HeadLimits()))
        #expect(try ReadRequest(head, from: second) == readRequest(second))
        #expect(head.fields.count == 0)
        #expect(head.host.isEmpty)
    }

    @Test("What follows the head is left alone")
    func pipelined() throws {
        let one = head("GET /1 HTTP/1.1", "Host: a")
        let request = try #require(try readRequest(one + "\u{0}\u{1} garbage"))
        #expect(request.byteCount == one.utf8.count)
    }
}
