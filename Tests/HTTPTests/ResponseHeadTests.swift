import HTTP
import Testing

@Suite("Response heads")
struct ResponseHeadTests {
    @Test("Status, reason and fields are read")
    func plain() throws {
        let response = try #require(
            try readResponse(head("HTTP/1.1 404 Not  Found ", "Content-Length: 7", "X: y")))
        #expect(response.status == 404)
        #expect(response.reason == "Not  Found ")
        #expect(response.framing == .length(7))
        #expect(response.fields == ["Content-Length=7", "X=y"])
        #expect(response.keepsAlive)
    }

    @Test("A reason may be empty or missing")
    func reasons() throws {
        #expect(try readResponse("HTTP/1.1 200 \r\n\r\n")?.reason == "")
        #expect(try readResponse("HTTP/1.1 200\r\n\r\n")?.reason == "")
    }

    @Test("How long a connection is kept unused is read where it is said")
    func idleSeconds() throws {
        func seconds(_ fields: String...) throws -> Int? {
            try readResponse(
                "HTTP/1.1 200 OK\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")?.idleSeconds
        }
        #expect(try seconds("Keep-Alive: timeout=5") == 5)
        #expect(try seconds("keep-alive: max=3 , Timeout=75") == 75)
        #expect(try seconds("Keep-Alive: timeout=0") == 0)
        #expect(try seconds("Keep-Alive: timeout=99999999999999999999999") == 86_400)
        #expect(try seconds("Keep-Alive: timeout=5s") == -1)
        #expect(try seconds("Keep-Alive: timeout=") == -1)
        #expect(try seconds("Keep-Alive: max=3") == -1)
        #expect(try seconds("X-Keep-Alive: timeout=5") == -1)
    }

    @Test("Method and status decide whether there is a body (RFC 9112 §6.3)")
    func bodies() throws {
        func framing(_ status: Int, _ method: Method, _ field: String) throws -> BodyFraming? {
            try readResponse(head("HTTP/1.1 \(status) x", field), answering: method)?.framing
        }
        let length = "Content-Length: 5"
        #expect(try framing(200, .get, length) == .length(5))
        #expect(try framing(200, .head, length) == BodyFraming.none)
        #expect(try framing(100, .post, length) == BodyFraming.none)
        #expect(try framing(101, .get, length) == BodyFraming.none)
        #expect(try framing(204, .get, length) == BodyFraming.none)
        #expect(try framing(304, .get, length) == BodyFraming.none)
        #expect(try framing(200, .connect, length) == BodyFraming.none)
        #expect(try framing(403, .connect, length) == .length(5))
        #expect(try framing(200, .get, "Transfer-Encoding: chunked") == .chunked)
        #expect(try framing(200, .get, "X: y") == .untilClose)
        #expect(try framing(200, .get, "Content-Length: 0") == BodyFraming.none)
    }

    @Test("Old servers keep a connection only when they say so")
    func persistence() throws {
        #expect(try readResponse("HTTP/1.0 200 OK\r\n\r\n")?.keepsAlive == false)
        #expect(
            try readResponse(head("HTTP/1.0 200 OK", "Connection: keep-alive"))?.keepsAlive == true)
        #expect(try readResponse(head("HTTP/1.1 200 OK", "Connection: close"))?.keepsAlive == false)
    }

    @Test(
        "Ambiguous and malformed responses are refused",
        arguments: [
            (
                head("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 1"),
                HTTPError.conflictingLength
            ),
            (head("HTTP/1.1 200 OK", "Content-Length: 1, 1"), .conflictingLength),
            (
                head("HTTP/1.1 200 OK", "Content-Length: 1", "Transfer-Encoding: chunked"),
                .conflictingFraming
            ),
            (head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip"), .unknownTransferCoding),
            (head("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"), .conflictingFraming),
            ("HTTP/1.1 200 OK\nX: y\n\n", .bareLineBreak),
            ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .forbiddenByte),
            ("HTTP/1.1 20 OK\r\n\r\n", .malformedStartLine),
            ("HTTP/1.1 099 OK\r\n\r\n", .malformedStartLine),
            ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStartLine),
            ("HTTP/1.1  200 OK\r\n\r\n", .malformedStartLine),
            ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStartLine),
            ("<html><body>Bad\r\n\r\n", .malformedStartLine),
            (head("HTTP/1.1 200 OK", "X: y", " z"), .foldedField),
        ])
    func refused(message: String, error: HTTPError) {
        #expect(throws: error) { try readResponse(message) }
    }

    @Test("Interim responses are told from the final one")
    func interim() throws {
        var head = ResponseHead()
        for (status, isInterim, isUpgrade) in [
            (100, true, false), (103, true, false), (101, false, true), (200, false, false),
        ] {
            let bytes = Array("HTTP/1.1 \(status) x\r\n\r\n".utf8)
            #expect(try head.parse(bytes.span, limits: HeadLimits()))
            #expect(head.isInterim == isInterim)
            #expect(head.isUpgrade == isUpgrade)
        }
    }
}
