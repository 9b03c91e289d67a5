import TestSupport
import Testing

@testable import HTTP

@Suite("HTTP/2 requests as text")
struct HTTP2RequestTests {
    @Test("RFC 9113 §8.3.1: pseudo-header fields become a request line and Host")
    func requestLine() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, [("accept", "*/*")]))
        #expect(
            desk.requests == ["GET /a?b HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\n\r\n"])
        #expect(desk.ended == [1])
    }

    @Test("RFC 9113 §8.1: a body without a length is announced as chunked, its data as it is")
    func body() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, method: "POST", ends: false))
        desk.receive(FrameBytes.data(1, "hello "))
        desk.receive(FrameBytes.data(1, "world", ends: true))
        #expect(desk.requests[0].hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        #expect(desk.bodies == [1: "hello world"])
        #expect(desk.ended == [1])
    }

    @Test("RFC 9113 §8.1: trailers come as lines, without what must not stand there")
    func trailers() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, method: "POST", ends: false))
        desk.receive(FrameBytes.data(1, "x"))
        desk.receive(FrameBytes.headers(1, [("grpc-status", "0"), ("cookie", "a")]))
        #expect(desk.trailers == [1: "grpc-status: 0\r\n"])
    }

    @Test("RFC 9113 §8.2.3: cookie crumbs are put together")
    func cookies() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]))
        #expect(desk.requests[0].contains("\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n"))
    }

    @Test(
        "RFC 9113 §8.1.1: what is malformed resets its stream with PROTOCOL_ERROR",
        arguments: [
            [("Upper", "x")], [("connection", "close")], [("transfer-encoding", "chunked")],
            [("te", "gzip")], [("upgrade", "websocket")], [("keep-alive", "1")],
            [("proxy-connection", "x")], [(":path", "/again")], [(":unknown", "x")],
            [("a", "b"), (":method", "GET")], [(":status", "200")], [("host", "other.example")],
            [("a", "b\r\nc: d")], [("a", "b\nc")], [("a", "\u{0}")], [("a b", "c")], [("a:", "c")],
            [("content-length", "5")], [("", "x")], [("x", " lead")],
        ])
    func malformed(_ fields: [(String, String)]) throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, fields))
        #expect(desk.requests == [])
        #expect(desk.reset(of: 1) == HTTP2Error.protocolError)
    }

    @Test("RFC 9113 §8.1.1: Content-Length that the DATA does not add up to is malformed")
    func contentLength() throws {
        let desk = try ServerDesk()
        let length = [("content-length", "3")]
        desk.receive(FrameBytes.request(1, method: "POST", length, ends: false))
        desk.receive(FrameBytes.data(1, "four", ends: true))
        #expect(desk.reset(of: 1) == HTTP2Error.protocolError)
        #expect(desk.closed == [1: HTTP2Error.protocolError])
    }

    @Test("RFC 8441 §4: extended CONNECT becomes a handshake of RFC 6455")
    func webSocket() throws {
        let desk = try ServerDesk()
        let fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
            (":path", "/chat"), (":authority", "example.com"), ("sec-websocket-version", "13"),
        ]
        desk.receive(FrameBytes.headers(1, fields, ends: false))
        let head = try #require(desk.requests.first)
        #expect(
            head.hasPrefix("GET /chat HTTP/1.1\r\nhost: example.com\r\nconnection: upgrade\r\n"))
        #expect(head.contains("upgrade: websocket\r\nsec-websocket-version: 13\r\n"))
        #expect(head.contains("sec-websocket-key: "))
        #expect(!head.contains("chunked"))
    }

    @Test("RFC 9113 §10.5.1: a list that is too large is told from others, up to a flood")
    func large() throws {
        let desk = try ServerDesk()
        let line = String(repeating: "a", count: 8_000)
        func fields(_ count: Int) -> [(String, String)] { (0..<count).map { ("x\($0)", line) } }
        let block = FrameBytes.block(
            [
                (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"),
            ] + fields(5))
        desk.receive(FrameBytes.frame(1, flags: 1, stream: 1, Array(block[..<16_000])))
        desk.receive(FrameBytes.frame(9, stream: 1, Array(block[16_000..<32_000])))
        desk.receive(FrameBytes.frame(9, flags: 4, stream: 1, Array(block[32_000...])))
        #expect(desk.isLarge)
        #expect(desk.goAway() == nil)
    }

    @Test("RFC 6455 §1.3: the answer to a handshake is that of the example")
    func accept() {
        let accept = WebSocketAccept(key: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8).span)
        let text = String(decoding: (0..<28).map { accept.span[$0] }, as: UTF8.self)
        #expect(text == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }
}
