import TestSupport
import Testing

@testable import HTTP

@Suite("HTTP/2 to replicas")
struct HTTP2ClientTests {
    static let get = "GET /a?b HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n"

    @Test(
        "RFC 9113 §8.3.1: a head of HTTP/1.1 becomes fields, and what is for one hop stays behind")
    func request() throws {
        let desk = try ClientDesk()
        let hop = "TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n"
        let stream = desk.request(Self.get + hop, user: 1, body: .offered)
        desk.session.end(stream, trailers: Array("x-sum: 42\r\n".utf8).span)
        desk.talk()
        #expect(
            desk.server.requests == [
                "GET /a?b HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\nte: trailers\r\n"
                    + "transfer-encoding: chunked\r\n\r\n"
            ])
        #expect(desk.server.trailers == [1: "x-sum: 42\r\n"])
    }

    @Test("RFC 9113 §8.1: interim and final heads, body and trailers come as they were sent")
    func response() throws {
        let desk = try ClientDesk()
        _ = desk.request(Self.get + "\r\n", user: 1)
        desk.talk()
        let stream = desk.server.streams[0]
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let isSent = desk.server.session.respondInterim(stream, Array(hints.utf8).span)
        #expect(isSent)
        #expect(desk.server.respond(0, "HTTP/1.1 200 OK\r\nX-A: B\r\n\r\n", body: .offered))
        desk.server.session.offer(stream, 3)
        desk.server.session.end(stream, trailers: Array("grpc-status: 0\r\n".utf8).span)
        desk.talk()
        #expect(
            desk.responses[1] == [
                "HTTP/1.1 103 \r\nlink: </a>\r\n\r\n", "HTTP/1.1 200 \r\nx-a: B\r\n\r\n",
            ])
        #expect(desk.bodies == [1: "xxx"])
        #expect(desk.trailers == [1: "grpc-status: 0\r\n"])
        #expect(desk.closed == [1: HTTP2Error.none])
    }

    @Test(
        "RFC 9113 §8.1: an answer without a body says so in HTTP/1.1 where it may",
        arguments: [
            ("GET", "200 OK", "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"),
            ("HEAD", "200 OK", "HTTP/1.1 200 \r\n\r\n"),
            ("GET", "204 No Content", "HTTP/1.1 204 \r\n\r\n"),
        ])
    func empty(_ method: String, _ status: String, _ expected: String) throws {
        let desk = try ClientDesk()
        _ = desk.request("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n", user: 1)
        desk.talk()
        #expect(desk.server.respond(0, "HTTP/1.1 \(status)\r\n\r\n"))
        desk.talk()
        #expect(desk.responses[1] == [expected])
        #expect(desk.ended == [1])
    }

    @Test("RFC 8441 §5: an upgrade is asked for by CONNECT, and a 200 is an agreement")
    func tunnel() throws {
        let desk = try ClientDesk()
        #expect(desk.session.takesTunnels == true)
        let upgrade =
            "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        let stream = desk.request(Self.get + upgrade, user: 1)
        desk.talk()
        #expect(desk.server.requests[0].contains("upgrade: websocket\r\naccept: */*\r\n"))
        #expect(!desk.server.requests[0].contains("dGhlIHNhbXBsZSBub25jZQ=="))
        let agreement = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
        #expect(desk.server.respond(0, agreement, body: .offered))
        desk.session.offer(stream, 4)
        desk.talk()
        let head = try #require(desk.responses[1]?.first)
        #expect(head.hasPrefix("HTTP/1.1 101 \r\nconnection: upgrade\r\nupgrade: websocket\r\n"))
        #expect(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(desk.server.bodies == [1: "xxxx"])
    }

    @Test(
        "RFC 9113 §6.8: streams that a GOAWAY does not cover are refused, which is told from others"
    )
    func goAway() throws {
        let desk = try ClientDesk()
        for user in UInt64(1)...3 { _ = desk.request(Self.get + "\r\n", user: user) }
        _ = ClientDesk.output(of: desk.session)
        desk.receive(FrameBytes.frame(7, [0, 0, 0, 1, 0, 0, 0, 0]))
        #expect(desk.closed == [2: HTTP2Error.refusedStream, 3: HTTP2Error.refusedStream])
        #expect(desk.session.hasGoneAway)
        #expect(desk.request(Self.get + "\r\n", user: 4) == .none)
    }

    @Test("RFC 9113 §6.8: a request that was not sent yet when GOAWAY came is refused as well")
    func goAwayBefore() throws {
        let desk = try ClientDesk()
        _ = desk.request(Self.get + "\r\n", user: 1)
        desk.receive(FrameBytes.frame(7, [0, 0, 0, 0, 0, 0, 0, 0]))
        _ = ClientDesk.output(of: desk.session)
        let closed = desk.session.nextClosed()
        #expect(closed?.user == 1)
        #expect(closed?.code == HTTP2Error.refusedStream)
        #expect(desk.session.nextClosed() == nil)
        #expect(desk.session.streamCount == 0)
    }

    /// What ends a request that waits to be sent: its own client, or the replica.
    enum End: CaseIterable { case reset, goAway }

    @Test(
        "What a request that was never sent had is given to one other stream, not to two",
        arguments: End.allCases)
    func neverSent(_ end: End) throws {
        let desk = try ClientDesk()
        let lost = (1...3).map { desk.request(Self.get + "\r\n", user: $0, body: .offered) }
        switch end {
        case .reset: for stream in lost { desk.session.reset(stream, code: HTTP2Error.cancel) }
        case .goAway: desk.receive(FrameBytes.frame(7, [0, 0, 0, 0, 0, 0, 0, 0]))
        }
        _ = ClientDesk.output(of: desk.session)
        var told: [UInt64: UInt32] = [:]
        while let closed = desk.session.nextClosed() { told[closed.user] = closed.code }
        let refused = HTTP2Error.refusedStream
        #expect(told == (end == .reset ? [:] : [1: refused, 2: refused, 3: refused]))
        #expect(desk.session.streamCount == 0)
        guard end == .reset else { return }
        let later = (4...7).map { desk.request(Self.get + "\r\n", user: $0) }
        #expect(Set(later.map(\.index)).count == 4)
        desk.talk()
        for position in 0..<4 {
            #expect(desk.server.respond(position, "HTTP/1.1 204 \r\nx-for: \(position)\r\n\r\n"))
        }
        desk.talk()
        for position in UInt64(0)..<4 {
            let text = "HTTP/1.1 204 \r\nx-for: \(position)\r\n\r\n"
            #expect(desk.responses[position + 4] == [text])
        }
        #expect(desk.session.streamCount == 0)
    }

    @Test("RFC 9218 §7: the more urgent stream is sent first")
    func priorities() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, [("priority", "u=6")]))
        desk.receive(FrameBytes.request(3, [("priority", "u=1")]))
        for position in 0..<2 {
            #expect(desk.respond(position, "HTTP/1.1 200 OK\r\n\r\n", body: .offered))
            desk.session.offer(desk.streams[position], 30_000)
            desk.session.end(desk.streams[position])
        }
        let order = desk.send().filter { $0.kind == 0 }.map(\.stream)
        #expect(order == [3, 3, 1, 1])
    }
}
