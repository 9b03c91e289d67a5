internal import HTTP
internal import Transport

/// One client of the admin interface: HTTP/1.1 with keep-alive, one request after the other.
final class AdminConnection {
    /// Of a request head, in bytes.
    static let headBytesMaximum = 16_384
    static let bodyBytesMaximum = 65_536
    /// From the end of one answer, or from the accept, to the end of the next answer.
    static let timeoutMilliseconds = 10_000
    /// How long a reader of events may be behind, and by how many bytes.
    static let stallMilliseconds = 30_000
    static let eventBytesMaximum = 8 << 20
    /// How long a client may take to close after the last answer.
    static let lingerMilliseconds = 1_000

    private enum Stage {
        case head
        case body(AdminRequest, missing: Int, AdminResponse.Persistence)
        /// The answer comes later; until then requests behind it wait.
        case answering
        /// Events are sent; what comes in is thrown away.
        case events
        /// The last answer is sent; what still comes is thrown away until the client has closed,
        /// for closing on unread bytes would reset the connection and take the answer with it.
        case ended
    }

    /// Answers a request, at once or later, once.
    typealias Answering = (AdminRequest, @escaping (AdminResponse) -> Void) -> Void

    private let descriptor: Descriptor
    private let loop: EventLoop
    private let client: SocketAddress?
    private let answer: Answering
    private let onClose: () -> Void
    private let feed: EventFeed?
    /// Of the feed, while it sends events.
    private var reader: Int?
    private var input = Buffer.allocate(capacity: AdminConnection.headBytesMaximum)
    private var head = RequestHead()
    private var stage = Stage.head
    private var output: [UInt8] = []
    private var sent = 0
    private var closesAfterOutput = false
    private var isOpen = true
    private var timer: EventLoop.Scheduled?

    /// Serves `descriptor` until it ends; `onClose` is called once, after it was closed.
    ///
    /// - Parameter feed: what readers of events get.
    init(
        _ descriptor: Descriptor, client: SocketAddress?, loop: EventLoop, feed: EventFeed? = nil,
        answer: @escaping Answering, onClose: @escaping () -> Void
    ) {
        self.descriptor = descriptor
        self.client = client
        self.loop = loop
        self.feed = feed
        self.answer = answer
        self.onClose = onClose
    }

    deinit { input.deallocate() }

    /// Begins to read.
    func start() {
        do throws(SystemError) {
            try loop.watch(descriptor, .readable) { [weak self] in self?.ready($0) }
            restartTimer()
        } catch {
            close()
        }
    }

    /// It stays open, and gets events as they come.
    var readsEvents: Bool { reader != nil }

    func close() {
        guard isOpen else { return }
        isOpen = false
        if let timer { loop.cancel(timer) }
        if let reader { feed?.remove(reader) }
        loop.unwatch(descriptor)
        descriptor.close()
        onClose()
    }

    private var hasOutput: Bool { sent < output.count }

    private func ready(_ readiness: Readiness) {
        if hasOutput {
            flush()
            // What was received meanwhile may hold the next request.
            if isOpen, !hasOutput { serve() }
            if isOpen, !hasOutput, case .events = stage {
                restartTimer(milliseconds: AdminConnection.stallMilliseconds)
            }
        } else if readiness.contains(.readable) {
            receive()
        } else {
            close()
        }
    }

    private func receive() {
        input.compact()
        // Only what is behind a request that is being answered can fill it.
        guard input.room > 0 else { return watch([]) }
        switch descriptor.receive(into: &input) {
        case .bytes: serve()
        case .wouldBlock: break
        case .endOfStream, .failed: close()
        }
    }

    /// Answers the requests that are complete, in order, as far as the answers can be sent.
    private func serve() {
        var isProgressing = true
        while isOpen, isProgressing, !hasOutput {
            switch stage {
            case .head: isProgressing = readHead()
            case .body(let request, let missing, let persistence):
                isProgressing = readBody(request, missing: missing, persistence)
            case .answering: isProgressing = false
            case .ended, .events:
                input.clear()
                isProgressing = false
            }
        }
    }

    /// False when more bytes are needed.
    private func readHead() -> Bool {
        let limits = HeadLimits(headBytesMaximum: AdminConnection.headBytesMaximum)
        do throws(HTTPError) {
            guard try head.parse(input.bytes, limits: limits) else { return false }
        } catch {
            respond(.error(error.status, "the request is not HTTP/1.1: \(error)"), to: "", .close)
            return true
        }
        let request = request()
        let persistence: AdminResponse.Persistence = head.keepsAlive ? .keepAlive : .close
        input.consume(head.byteCount)
        begin(request, persistence)
        return true
    }

    /// What the head says.
    private func request() -> AdminRequest {
        var request = AdminRequest(
            origin: client == nil ? .unixSocket : .network, method: text(head.methodRange),
            path: text(head.path), host: text(head.host))
        request.query = text(head.query)
        if request.query.hasPrefix("?") { request.query.removeFirst() }
        request.client = client
        request.authorization = head.fields.span.first(.authorization).map(text)
        for index in 0..<head.fields.count {
            let name = text(head.fields[index].name).lowercased()
            if name == "origin" || name == "sec-fetch-site" { request.isFromPage = true }
            if name == "last-event-id" { request.lastEvent = text(head.fields[index].value) }
        }
        return request
    }

    private func begin(_ request: AdminRequest, _ persistence: AdminResponse.Persistence) {
        switch head.framing {
        case .length(let length) where length > UInt64(AdminConnection.bodyBytesMaximum):
            respond(
                .error(
                    413,
                    "the body has \(length) bytes; at most \(AdminConnection.bodyBytesMaximum)"
                        + " are accepted"),
                to: request.method, .close)
        case .length(let length) where length > 0:
            if head.expectsContinue { queue(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
            stage = .body(request, missing: Int(length), persistence)
        case .chunked, .untilClose:
            respond(
                .error(411, "a body needs a Content-Length here"), to: request.method, .close)
        case .none, .length: ask(request, persistence)
        }
    }

    /// False when more bytes are needed.
    private func readBody(
        _ request: AdminRequest, missing: Int, _ persistence: AdminResponse.Persistence
    ) -> Bool {
        guard !input.isEmpty else { return false }
        var request = request
        let count = min(missing, input.count)
        for index in 0..<count { request.body.append(input.bytes[index]) }
        input.consume(count)
        if count == missing {
            ask(request, persistence)
        } else {
            stage = .body(request, missing: missing - count, persistence)
        }
        return true
    }

    private func text(_ range: ByteRange) -> String {
        var bytes: [UInt8] = []
        let message = input.bytes
        for index in range.indices { bytes.append(message[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Answers on their way out.
extension AdminConnection {
    private func ask(_ request: AdminRequest, _ persistence: AdminResponse.Persistence) {
        stage = .answering
        // Whoever answers later says himself when.
        if let timer { loop.cancel(timer) }
        var isLater = false
        answer(request) { [weak self] response in
            guard let self, isOpen, case .answering = stage else { return }
            stage = .head
            respond(response, to: request.method, persistence)
            if isLater { serve() }
        }
        isLater = true
        // It goes on to read: a client that has left would keep its place until the answer.
    }

    private func respond(
        _ response: AdminResponse, to method: String, _ persistence: AdminResponse.Persistence
    ) {
        if case .events(let last) = response.sequel, method != "HEAD", let feed {
            return sendEvents(of: feed, after: last, behind: response.bytes(for: method, .close))
        }
        if persistence == .close { closesAfterOutput = true }
        restartTimer()
        queue(response.bytes(for: method, persistence))
    }

    private func sendEvents(of feed: EventFeed, after last: String?, behind head: [UInt8]) {
        stage = .events
        restartTimer(milliseconds: AdminConnection.stallMilliseconds)
        queue(head)
        guard isOpen else { return }
        let reader = feed.add(after: last) { [weak self] in self?.send($0, $1) }
        // It may have failed at the first event.
        if isOpen { self.reader = reader } else { feed.remove(reader) }
    }

    /// One event. A reader that is behind gets the next status instead of this one; one that is
    /// too far behind is cut off, and knows what it has when it comes again.
    private func send(_ event: [UInt8], _ need: EventFeed.Need) {
        guard isOpen, case .events = stage else { return }
        guard hasOutput else {
            queue(event)
            if !hasOutput { restartTimer(milliseconds: AdminConnection.stallMilliseconds) }
            return
        }
        guard need == .all else { return }
        guard output.count - sent + event.count <= AdminConnection.eventBytesMaximum else {
            return close()
        }
        output += event
    }

    private func queue(_ bytes: [UInt8]) {
        output = bytes
        sent = 0
        flush()
    }

    private func flush() {
        while hasOutput {
            switch descriptor.send(output.span.extracting(sent..<output.count)) {
            case .bytes(let count): sent += count
            case .wouldBlock: return watch(.writable)
            case .endOfStream, .failed: return close()
            }
        }
        output = []
        sent = 0
        if closesAfterOutput, case .head = stage { end() }
        watch(.readable)
    }

    private func end() {
        stage = .ended
        descriptor.shutdownWrite()
        restartTimer(milliseconds: AdminConnection.lingerMilliseconds)
    }

    private func watch(_ interest: Readiness) {
        do throws(SystemError) {
            try loop.rewatch(descriptor, interest)
        } catch {
            close()
        }
    }

    private func restartTimer(milliseconds: Int = AdminConnection.timeoutMilliseconds) {
        if let timer { loop.cancel(timer) }
        timer = loop.schedule(afterMilliseconds: milliseconds) { [weak self] in self?.close() }
    }
}
