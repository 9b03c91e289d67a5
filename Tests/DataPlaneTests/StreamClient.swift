import HTTP
import TestSupport

/// A client of HTTP/2 in the hands of a test. It reads when the test waits for something.
final class StreamClient {
    struct Answer {
        var head = ""
        var bodyBytes = 0
        var trailers = ""
        var hasEnded = false
        /// Bytes that its window has not been opened for again.
        fileprivate var unreturned = 0
        fileprivate var stream = HTTP2Stream.none
    }

    let session: HTTP2Session
    let wire: Wire
    /// By the number that the request was given.
    private(set) var answers: [UInt64: Answer] = [:]
    /// Bytes of bodies sent.
    private(set) var sent: [UInt64: Int] = [:]
    private(set) var closed: Set<UInt64> = []
    /// Which bodies make room for more as they come.
    var reads: (UInt64) -> Bool = { _ in true }

    init(_ bed: Bed, windowBytes: Int32 = 65_535) throws {
        var settings = HTTP2Settings()
        settings.streamWindowBytes = windowBytes
        guard let session = HTTP2Session.client(settings, keyBits: 5) else {
            throw NotInTime("memory for a session")
        }
        self.session = session
        wire = try bed.client()
    }

    deinit { session.close() }

    /// Begins a request, whose body, if it has one, is `bodyBytes` letters.
    @discardableResult
    func request(_ user: UInt64, _ text: String, bodyBytes: Int = 0) -> HTTP2Stream {
        let stream = session.request(
            Array(text.utf8).span, scheme: .http, body: bodyBytes > 0 ? .offered : .none,
            user: user)
        session.offer(stream, bodyBytes)
        answers[user] = Answer(stream: stream)
        return stream
    }

    /// Sends what there is to send and takes what comes, until it is so.
    func talk(until what: String, _ isSo: () -> Bool) throws {
        while true {
            try flush()
            if isSo() { return }
            let bytes = try wire.readSome()
            guard !bytes.isEmpty else {
                throw NotInTime("the end of the connection before " + what)
            }
            take(bytes)
        }
    }

    private func flush() throws {
        var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
        while true {
            var span = space.mutableSpan
            switch session.nextOutput(into: &span) {
            case .nothing:
                while let over = session.nextClosed() { closed.insert(over.user) }
                return
            case .bytes(let count): try wire.send(space[..<count])
            case .data(let count, let user, let body):
                sent[user, default: 0] += body
                try wire.send(space[..<count] + [UInt8](repeating: 0x78, count: body))
            }
        }
    }

    private func take(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let result = session.receive(bytes.span.extracting(start...), atMilliseconds: 1)
            start += result.consumed
            note(result.event)
            while let over = session.nextClosed() { closed.insert(over.user) }
        }
    }

    private func note(_ event: HTTP2Event) {
        switch event {
        case .response(let user, let ends):
            answers[user]?.head = text
            answers[user]?.hasEnded = ends
        case .data(let user, let range, let ends):
            answers[user]?.bodyBytes += range.count
            answers[user]?.unreturned += range.count
            answers[user]?.hasEnded = ends
            if reads(user) { makeRoom(user) }
        case .trailers(let user):
            answers[user]?.trailers = text
            answers[user]?.hasEnded = true
        default: break
        }
    }

    /// Opens the window of a response again by what has come of it.
    func makeRoom(_ user: UInt64) {
        guard let answer = answers[user] else { return }
        session.consume(answer.stream, answer.unreturned)
        answers[user]?.unreturned = 0
    }

    private var text: String {
        String(decoding: session.head.indices.map { session.head[$0] }, as: UTF8.self)
    }
}
