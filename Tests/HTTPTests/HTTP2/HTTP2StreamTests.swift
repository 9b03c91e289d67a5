import TestSupport
import Testing

@testable import HTTP

@Suite("HTTP/2 streams and floods")
struct HTTP2StreamTests {
    @Test("RFC 9113 §5.1: frames on a stream that its client has reset end the connection")
    func closedByClient() throws {
        for late in [FrameBytes.data(1, "x"), FrameBytes.request(1)] {
            let desk = try ServerDesk()
            desk.receive(FrameBytes.request(1, method: "POST", ends: false) + FrameBytes.reset(1))
            #expect(desk.closed == [1: HTTP2Error.cancel])
            desk.receive(late)
            #expect(desk.goAway() == HTTP2Error.streamClosed)
        }
    }

    @Test("RFC 9113 §5.1: frames behind the end of a stream end the connection")
    func halfClosed() throws {
        for late in [FrameBytes.data(1, "x"), FrameBytes.request(1)] {
            let desk = try ServerDesk()
            desk.receive(FrameBytes.request(1) + late)
            #expect(desk.goAway() == HTTP2Error.streamClosed)
        }
    }

    @Test("RFC 9113 §5.1: what comes late for a stream that weir has reset is ignored")
    func closedByServer() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, method: "POST", ends: false))
        desk.session.reset(desk.streams[0], code: HTTP2Error.internalError)
        #expect(desk.reset(of: 1) == HTTP2Error.internalError)
        desk.receive(FrameBytes.data(1, "x") + FrameBytes.request(3))
        #expect(desk.goAway() == nil)
        #expect(desk.requests.count == 2)
    }

    @Test("RFC 9113 §5.1.1: a stream number that was passed over is a connection error")
    func smallerNumber() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(5) + FrameBytes.request(3))
        #expect(desk.goAway() == HTTP2Error.protocolError)
    }

    @Test(
        "RFC 9113 §6.3: PRIORITY has its rules still, however its bytes come",
        arguments: [
            (FrameBytes.frame(2, stream: 0, [0, 0, 0, 3, 1]), HTTP2Error.protocolError),
            (FrameBytes.frame(2, stream: 5, [0, 0, 0, 5, 1]), HTTP2Error.protocolError),
            (FrameBytes.frame(2, stream: 5, [0, 0, 0, 3]), HTTP2Error.frameSizeError),
            (FrameBytes.frame(2, stream: 5, [0, 0, 0, 3, 1]), nil),
        ])
    func priority(_ frame: [UInt8], _ code: UInt32?) throws {
        let whole = try ServerDesk()
        whole.receive(frame)
        #expect(whole.goAway() == code)
        let pieces = try ServerDesk()
        for byte in frame { pieces.receive([byte]) }
        #expect(pieces.goAway() == code)
    }

    @Test("RFC 9113 §8.1: an answer before the end of its request is followed by NO_ERROR")
    func earlyAnswer() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, method: "POST", ends: false))
        #expect(desk.respond(0, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
        let frames = desk.send()
        #expect(frames.contains { $0.kind == 1 && $0.endsStream })
        #expect(frames.last { $0.kind == 3 }?.number(at: 0) == 0)
        #expect(desk.closed == [1: 0])
    }

    @Test("RFC 9113 §5.2: a body is sent as far as the window goes, in frames of 16 KiB")
    func window() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1))
        #expect(desk.respond(0, "HTTP/1.1 200 OK\r\n\r\n", body: .offered))
        desk.session.offer(desk.streams[0], 100_000)
        desk.session.end(desk.streams[0])
        #expect(desk.send().filter { $0.kind == 0 }.map(\.payload.count).reduce(0, +) == 65_535)
        let credit: [UInt8] = [0, 1, 0, 0]
        desk.receive(FrameBytes.frame(8, credit) + FrameBytes.frame(8, stream: 1, credit))
        let rest = desk.send().filter { $0.kind == 0 }
        #expect(rest.map(\.payload.count).reduce(0, +) == 100_000 - 65_535)
        #expect(rest.last?.endsStream == true)
    }

    @Test("RFC 9113 §6.10: a head of 64 KiB is sent, and one that cannot be ends its stream")
    func largeHeads() throws {
        for (valueBytes, expected) in [(530, [1, 9, 9, 9]), (1_500, [UInt8(3)])] {
            let desk = try ServerDesk()
            desk.receive(FrameBytes.request(1))
            _ = desk.send()
            let fields = (0..<120).map { "x-\($0): " + String(repeating: "~", count: valueBytes) }
            let head = "HTTP/1.1 200 OK\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n"
            #expect(desk.respond(0, head, body: .offered))
            desk.session.offer(desk.streams[0], 5)
            let frames = desk.send().filter { $0.stream == 1 && $0.kind != 0 }
            #expect(frames.map(\.kind) == expected)
            if expected == [3] { #expect(desk.closed == [1: HTTP2Error.internalError]) }
        }
    }

    @Test("RFC 9113 §8.1: trailers end a stream in place of its last DATA")
    func trailers() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1))
        #expect(desk.respond(0, "HTTP/1.1 200 OK\r\n\r\n", body: .offered))
        desk.session.offer(desk.streams[0], 5)
        desk.session.end(desk.streams[0], trailers: Array("grpc-status: 0\r\n".utf8).span)
        let frames = desk.send().filter { $0.stream == 1 }
        #expect(frames.map(\.kind) == [1, 0, 1])
        #expect(frames.map(\.endsStream) == [false, false, true])
    }

    @Test("Trailers of many lines are sent, all of them")
    func manyTrailers() throws {
        let desk = try ClientDesk()
        _ = desk.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", user: 1)
        desk.talk()
        let lines = (0..<500).map { "x-\($0): v\r\n" }.joined()
        #expect(desk.server.respond(0, "HTTP/1.1 200 OK\r\n\r\n", body: .offered))
        desk.server.session.end(desk.server.streams[0], trailers: Array(lines.utf8).span)
        desk.talk()
        #expect(desk.trailers[1] == lines)
    }

    @Test(
        "RFC 9113 §10.5: a flood is ended with ENHANCE_YOUR_CALM",
        arguments: [
            FrameBytes.frame(6, [0, 0, 0, 0, 0, 0, 0, 0]), FrameBytes.frame(4),
            FrameBytes.frame(0, stream: 1), FrameBytes.frame(8, [0, 0, 0, 1]),
            FrameBytes.frame(2, stream: 3, [0, 0, 0, 0, 1]), FrameBytes.frame(99),
        ])
    func floods(_ frame: [UInt8]) throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1, method: "POST", ends: false))
        for _ in 0..<2_000 {
            desk.receive(frame)
            if desk.goAway() == HTTP2Error.enhanceYourCalm { return }
        }
        Issue.record("2,000 frames went through")
    }

    @Test("RFC 9113 §10.5: streams that are reset as fast as they are opened end the connection")
    func rapidReset() throws {
        let desk = try ServerDesk()
        for number in 0..<1_000 {
            let stream = UInt32(number * 2 + 1)
            desk.receive(FrameBytes.request(stream) + FrameBytes.reset(stream))
            if desk.goAway() == HTTP2Error.enhanceYourCalm { return }
        }
        Issue.record("1,000 resets went through")
    }

    @Test("RFC 9113 §5.1.2: streams beyond those allowed are refused, until they are a flood")
    func refused() throws {
        var settings = HTTP2Settings()
        settings.streamsMaximum = 2
        let desk = try ServerDesk(settings)
        // Nothing is sent meanwhile, as to a client that does not read.
        for number in 0..<2_000 { desk.receive(FrameBytes.request(UInt32(number * 2 + 1))) }
        #expect(desk.requests.count == 2)
        let frames = desk.send()
        #expect(frames.last?.kind == 7)
        #expect(frames.last?.number(at: 4) == HTTP2Error.enhanceYourCalm)
        #expect(frames.count { $0.kind == 3 } <= 502)
    }

    @Test("RFC 9113 §10.5: a header block in many pieces ends the connection")
    func continuations() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.frame(1, flags: 1, stream: 1))
        for _ in 0..<10 { desk.receive(FrameBytes.frame(9, stream: 1)) }
        #expect(desk.goAway() == HTTP2Error.enhanceYourCalm)
        #expect(desk.session.isOver)
    }

    @Test("RFC 9113 §6.8: an end in two steps lets what is on its way come")
    func twoSteps() throws {
        let desk = try ServerDesk()
        desk.receive(FrameBytes.request(1))
        desk.session.announceEnd()
        #expect(desk.goAway() == 0)
        desk.receive(FrameBytes.request(3))
        #expect(desk.requests.count == 2)
        desk.session.endIntake()
        _ = desk.send()
        desk.receive(FrameBytes.request(5))
        #expect(desk.requests.count == 2)
        for position in 0..<2 { #expect(desk.respond(position, "HTTP/1.1 204 \r\n\r\n")) }
        _ = desk.send()
        #expect(desk.session.isOver)
    }
}
