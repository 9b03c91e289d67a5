internal import HTTP
internal import Transport

/// One POST with a JSON body, of a hook or of spans, and the status that it is answered with.
final class HTTPPost {
    static let timeoutMilliseconds = 5_000
    typealias Completion = (Outcome) -> Void

    /// What became of it.
    enum Outcome: Equatable, Sendable {
        /// - Parameter retryAfterSeconds: nil: it does not say, or not in seconds.
        case answered(status: Int, retryAfterSeconds: Int?)
        case failed(String)

        /// Nil if the status was 2xx, else what went wrong.
        var problem: String? {
            switch self {
            case .answered(200..<300, _): nil
            case .answered(let status, _): "status \(status)"
            case .failed(let problem): problem
            }
        }
    }

    private let loop: EventLoop
    private let request: [UInt8]
    private let completion: Completion
    private var descriptor = Descriptor.none
    private var timer: EventLoop.Scheduled?
    private var isConnected = false
    private var isOver = false
    private var sent = 0
    private var input = Buffer.allocate(capacity: 16_384)

    /// Calls nothing yet.
    ///
    /// - Parameter completion: called once, later, unless `cancel` comes first.
    init(loop: EventLoop, url: HTTPURL, body: [UInt8], _ completion: @escaping Completion) {
        self.loop = loop
        self.completion = completion
        let lines = [
            "POST \(url.path) HTTP/1.1", "Host: \(url.authority)", "User-Agent: weir",
            "Content-Type: application/json", "Content-Length: \(body.count)",
            "Connection: close",
        ]
        request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    deinit { input.deallocate() }

    /// Finds the host and calls it.
    func begin(_ url: HTTPURL, resolver: Resolver) {
        let timeout = HTTPPost.timeoutMilliseconds
        timer = loop.schedule(afterMilliseconds: timeout) { [weak self] in
            self?.end("no answer within \(timeout) ms")
        }
        if let address = url.address { return connect(address) }
        NameLookup(resolver: resolver).addresses(of: url.host, port: url.port, weight: 1) {
            [weak self] sighting in
            guard let self, !isOver else { return }
            guard let endpoint = sighting.endpoints.first else {
                return end("the name \(url.host) has no address")
            }
            connect(endpoint.address)
        }
    }

    /// Closes without a word.
    func cancel() {
        isOver = true
        if let timer { loop.cancel(timer) }
        timer = nil
        guard descriptor.isOpen else { return }
        loop.unwatch(descriptor)
        descriptor.close()
        descriptor = .none
    }

    private func end(_ problem: String) { end(.failed(problem)) }

    private func end(_ outcome: Outcome) {
        guard !isOver else { return }
        cancel()
        completion(outcome)
    }

    private func connect(_ address: SocketAddress) {
        do throws(SystemError) {
            descriptor = try Socket.connect(to: address)
            try loop.watch(descriptor, .writable) { [weak self] _ in self?.becameReady() }
        } catch {
            let problem = error.description
            loop.schedule(afterMilliseconds: 0) { [weak self] in self?.end(problem) }
        }
    }

    private func becameReady() {
        if !isConnected {
            let code = descriptor.pendingError()
            guard code == 0 else { return end("connect: \(SystemError.text(of: code))") }
            isConnected = true
        }
        if sent < request.count { send() } else { receive() }
    }

    private func send() {
        let bytes = request
        switch descriptor.send(bytes.span.extracting(sent..<bytes.count)) {
        case .bytes(let count): sent += count
        case .wouldBlock: return
        case .endOfStream, .failed: return end("the connection was closed")
        }
        guard sent == request.count else { return }
        do throws(SystemError) {
            try loop.rewatch(descriptor, .readable)
        } catch {
            end(error.description)
        }
    }

    private func receive() {
        // Interim responses were taken from its front.
        input.compact()
        switch descriptor.receive(into: &input) {
        case .bytes: judge()
        case .wouldBlock: break
        case .endOfStream, .failed: end("the connection was closed before an answer")
        }
    }

    private func judge() {
        do throws(HTTPError) {
            while true {
                var head = ResponseHead()
                guard try head.parse(input.bytes, limits: HeadLimits()) else { return }
                if !head.isInterim {
                    let seconds = retryAfterSeconds(head)
                    return end(.answered(status: head.status, retryAfterSeconds: seconds))
                }
                input.consume(head.byteCount)
            }
        } catch {
            end("not HTTP: \(error.reason)")
        }
    }

    /// RFC 9110 §10.2.3.
    private func retryAfterSeconds(_ head: borrowing ResponseHead) -> Int? {
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if text(field.name).lowercased() == "retry-after" { return Int(text(field.value)) }
        }
        return nil
    }

    private func text(_ range: ByteRange) -> String {
        var text = ""
        for index in range.indices {
            text.unicodeScalars.append(Unicode.Scalar(input.bytes[index]))
        }
        return text
    }
}
