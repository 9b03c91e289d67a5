import TestSupport

@testable import HTTP

/// A server's session and what its events and its output came to.
final class ServerDesk {
    let session: HTTP2Session
    /// Heads, bodies and trailers by stream, in the order of their arrival.
    var requests: [String] = []
    var streams: [HTTP2Stream] = []
    var bodies: [UInt64: String] = [:]
    var trailers: [UInt64: String] = [:]
    var ended: Set<UInt64> = []
    var closed: [UInt64: UInt32] = [:]
    var isLarge = false
    var milliseconds: UInt64 = 1_000

    init(_ settings: HTTP2Settings = HTTP2Settings(), greeting: Bool = true) throws {
        guard let session = HTTP2Session.server(settings, keyBits: 7) else { throw NoMemory() }
        self.session = session
        if greeting { receive(FrameBytes.preface + FrameBytes.frame(4)) }
    }

    struct NoMemory: Error {}

    deinit { session.close() }

    func receive(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let result = session.receive(
                bytes.span.extracting(start...), atMilliseconds: milliseconds)
            note(result.event, bytes, start)
            start += result.consumed
            while let over = session.nextClosed() { closed[over.user] = over.code }
        }
    }

    private func note(_ event: HTTP2Event, _ bytes: [UInt8], _ start: Int) {
        switch event {
        case .request(let stream, let ends):
            let user = UInt64(streams.count + 1)
            session.attach(stream, user: user)
            streams.append(stream)
            requests.append(ServerDesk.text(session.head))
            if ends { ended.insert(user) }
        case .largeRequest(let stream, _):
            isLarge = true
            session.attach(stream, user: UInt64(streams.count + 1))
            streams.append(stream)
        case .data(let user, let range, let ends):
            let part = bytes[start + range.lowerBound..<start + range.upperBound]
            bodies[user, default: ""] += String(decoding: part, as: UTF8.self)
            if ends { ended.insert(user) }
        case .trailers(let user):
            trailers[user] = ServerDesk.text(session.head)
            ended.insert(user)
        default: break
        }
    }

    static func text(_ span: Span<UInt8>) -> String {
        String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }

    /// All frames that are to be sent now; bodies are of the letter x.
    func send() -> [SentFrame] {
        var bytes: [UInt8] = []
        var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
        while true {
            var span = space.mutableSpan
            switch session.nextOutput(into: &span) {
            case .nothing:
                while let over = session.nextClosed() { closed[over.user] = over.code }
                return SentFrame.all(in: bytes)
            case .bytes(let count): bytes += space[..<count]
            case .data(let count, _, let body):
                bytes += space[..<count] + [UInt8](repeating: UInt8(ascii: "x"), count: body)
            }
        }
    }

    /// The code of the GOAWAY among what is to be sent; nil if there is none.
    func goAway() -> UInt32? {
        send().last { $0.kind == 7 }.map { $0.number(at: 4) }
    }

    /// The code of the RST_STREAM of a stream.
    func reset(of stream: UInt32) -> UInt32? {
        send().last { $0.kind == 3 && $0.stream == stream }.map { $0.number(at: 0) }
    }

    func respond(_ position: Int, _ text: String, body: HTTP2Session.Body = .none) -> Bool {
        session.respond(streams[position], Array(text.utf8).span, body: body)
    }
}

struct SentFrame {
    var kind: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    var endsStream: Bool { flags & 1 != 0 }

    func number(at start: Int) -> UInt32 {
        payload[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func all(in bytes: [UInt8]) -> [SentFrame] {
        var frames: [SentFrame] = []
        var start = 0
        while start + 9 <= bytes.count {
            let length = bytes[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
            let stream = bytes[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) }
            frames.append(
                SentFrame(
                    kind: bytes[start + 3], flags: bytes[start + 4], stream: stream,
                    payload: Array(bytes[start + 9..<start + 9 + length])))
            start += 9 + length
        }
        return frames
    }
}
