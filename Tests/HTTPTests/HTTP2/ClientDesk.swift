@testable import HTTP

/// A client's session and the server's that it speaks with.
final class ClientDesk {
    let session: HTTP2Session
    let server: ServerDesk
    var responses: [UInt64: [String]] = [:]
    var bodies: [UInt64: String] = [:]
    var trailers: [UInt64: String] = [:]
    var ended: Set<UInt64> = []
    var closed: [UInt64: UInt32] = [:]

    init() throws {
        guard let session = HTTP2Session.client(HTTP2Settings(), keyBits: 9) else {
            throw ServerDesk.NoMemory()
        }
        self.session = session
        server = try ServerDesk(greeting: false)
        talk()
    }

    deinit { session.close() }

    func request(_ text: String, user: UInt64, body: HTTP2Session.Body = .none) -> HTTP2Stream {
        session.request(Array(text.utf8).span, scheme: .http, body: body, user: user)
    }

    /// Passes on what either side has to say, until neither has more.
    func talk() {
        var isQuiet = false
        while !isQuiet {
            let mine = ClientDesk.output(of: session)
            if !mine.isEmpty { server.receive(mine) }
            let theirs = ClientDesk.output(of: server.session)
            if !theirs.isEmpty { receive(theirs) }
            isQuiet = mine.isEmpty && theirs.isEmpty
        }
    }

    static func output(of session: HTTP2Session) -> [UInt8] {
        var bytes: [UInt8] = []
        var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
        while true {
            var span = space.mutableSpan
            switch session.nextOutput(into: &span) {
            case .nothing: return bytes
            case .bytes(let count): bytes += space[..<count]
            case .data(let count, _, let body):
                bytes += space[..<count] + [UInt8](repeating: UInt8(ascii: "x"), count: body)
            }
        }
    }

    func receive(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let result = session.receive(bytes.span.extracting(start...), atMilliseconds: 1_000)
            note(result.event, bytes, start)
            start += result.consumed
            while let over = session.nextClosed() { closed[over.user] = over.code }
        }
    }

    private func note(_ event: HTTP2Event, _ bytes: [UInt8], _ start: Int) {
        switch event {
        case .response(let user, let ends):
            responses[user, default: []].append(ServerDesk.text(session.head))
            if ends { ended.insert(user) }
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
}
