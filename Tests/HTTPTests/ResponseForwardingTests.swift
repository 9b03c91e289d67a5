import HTTP
import Testing

@Suite("Responses as the client gets them")
struct ResponseForwardingTests {
    @Test("Fields go on byte for byte and in order")
    func plain() throws {
        let response = head("HTTP/1.1 200 Fine", "server: x", "Content-Length: 3", "X:  y ")
        #expect(try forwarded(response, ResponseForwarding()) == response)
    }

    @Test("What is meant for one hop does not go on, nor what Connection names")
    func hopByHop() throws {
        let response = head(
            "HTTP/1.0 200 OK", "Connection: keep-alive, X-Hop, Content-Length", "X-Hop: 1",
            "Keep-Alive: max=5", "Content-Length: 3", "Upgrade: h2,h2c",
            "Proxy-Authenticate: Basic",
            "Set-Cookie: a")
        let expected = head("HTTP/1.1 200 OK", "Content-Length: 3", "Set-Cookie: a")
        #expect(try forwarded(response, ResponseForwarding()) == expected)
    }

    @Test("Chunks are announced again only to clients that know them")
    func chunks() throws {
        let response = head("HTTP/1.1 200 OK", "Transfer-Encoding: CHUNKED", "X: y")
        let chunked = head("HTTP/1.1 200 OK", "X: y", "Transfer-Encoding: chunked")
        let plain = head("HTTP/1.1 200 OK", "X: y")
        #expect(try forwarded(response, ResponseForwarding()) == chunked)
        #expect(try forwarded(response, ResponseForwarding(framingChange: .none)) == plain)
        #expect(try forwarded(plain, ResponseForwarding(framingChange: .chunk)) == chunked)
        let old = ResponseForwarding(clientMinorVersion: 0, framingChange: .none)
        let keptAlive = head("HTTP/1.1 200 OK", "X: y", "Connection: keep-alive")
        #expect(try forwarded(response, old) == keptAlive)
    }

    @Test("The end of the connection is told")
    func closes() throws {
        var forwarding = ResponseForwarding(clientMinorVersion: 0)
        forwarding.closes = true
        #expect(
            try forwarded(head("HTTP/1.1 200 OK", "Connection: keep-alive"), forwarding)
                == head("HTTP/1.1 200 OK", "Connection: close"))
    }

    @Test("Interim responses pass, but never to HTTP/1.0 clients (RFC 9110 §15.2)")
    func interim() throws {
        var forwarding = ResponseForwarding()
        forwarding.closes = true
        let hints = head("HTTP/1.1 103 Early Hints", "Link: </a.css>")
        #expect(try forwarded(hints, forwarding) == hints)
        #expect(try forwarded(hints, ResponseForwarding(clientMinorVersion: 0)) == "")
    }

    @Test("A switch of protocols passes with its Upgrade")
    func upgrade() throws {
        var forwarding = ResponseForwarding()
        forwarding.keepsUpgrade = true
        let response = head(
            "HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")
        let expected = head(
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: upgrade")
        #expect(try forwarded(response, forwarding) == expected)
    }

    @Test("No length is told where there is no body (RFC 9110 §8.6)")
    func noContent() throws {
        let empty = head("HTTP/1.1 204 No Content", "Content-Length: 0", "Transfer-Encoding2: x")
        #expect(
            try forwarded(empty, ResponseForwarding())
                == head("HTTP/1.1 204 No Content", "Transfer-Encoding2: x"))
        let unchanged = head("HTTP/1.1 304 Not Modified", "Content-Length: 12")
        #expect(try forwarded(unchanged, ResponseForwarding()) == unchanged)
    }

    @Test("The request id replaces the upstream's")
    func requestID() throws {
        var forwarding = ResponseForwarding()
        forwarding.requestID = RequestID(high: 0, low: 0xff)
        let id = String(repeating: "0", count: 30) + "ff"
        #expect(
            try forwarded(head("HTTP/1.1 200 OK", "X-Request-ID: b", "X: y"), forwarding)
                == head("HTTP/1.1 200 OK", "X: y", "X-Request-ID: " + id))
    }
}
