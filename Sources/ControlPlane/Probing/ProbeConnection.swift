internal import Balancing
internal import Glibc
internal import Transport

/// One probe: connects, asks, judges the answer, and closes.
final class ProbeConnection {
    typealias Receive = (Descriptor, (Span<UInt8>) -> Void) -> TransferResult
    typealias Ended = (ProbeConnection, ProbeOutcome) -> Void

    /// How long a probe is put off when descriptors or ports have run out.
    private static let shortagePauseMilliseconds = 100

    private let loop: EventLoop
    private let target: ProbeTarget
    private var descriptor = Descriptor.none
    private var timers: [EventLoop.Scheduled] = []
    private let startedAt = Instant.now()
    private var isConnected = false
    private var request: [UInt8] = []
    private var sentCount = 0
    private var response: ProbeResponse?
    private var call: HealthCall?
    private var receive: Receive = { _, _ in .wouldBlock }
    private var ended: Ended = { _, _ in }

    init(loop: EventLoop, target: ProbeTarget) {
        self.loop = loop
        self.target = target
        if case .http(let probe, let host) = target.method {
            request = ProbeConnection.request(path: probe.path, host: host)
            response = ProbeResponse(accepting: probe)
        }
        if case .grpc(let service, let authority) = target.method {
            call = HealthCall(service: service, authority: authority)
            request = call?.output() ?? []
        }
    }

    /// Starts; `ended` is called later, once, unless `abandon` comes first.
    func begin(receive: @escaping Receive, ended: @escaping Ended) {
        self.receive = receive
        self.ended = ended
        connect()
    }

    private func connect() {
        do throws(SystemError) {
            descriptor = try Socket.connect(to: target.address)
            try loop.watch(descriptor, .writable) { [weak self] _ in self?.becameReady() }
        } catch {
            // What this machine lacks says nothing about the replica: the probe is put off.
            if error.isShortage { return retryLater() }
            let failure = ProbeConnection.failure(code: error.code)
            timers.append(loop.schedule(afterMilliseconds: 0) { [weak self] in self?.end(failure) })
            return
        }
        let patience = min(target.connectTimeoutMilliseconds, target.timeoutMilliseconds)
        let unreachable = ProbeFailure.unreachable("no connection after \(patience) ms")
        fail(after: patience) { $0.isConnected ? nil : unreachable }
        let timeout = target.timeoutMilliseconds
        // Both may be due in the same moment, and only what has accepted can be slow.
        fail(after: timeout) { $0.isConnected ? .timeout(milliseconds: timeout) : unreachable }
    }

    private func retryLater() {
        descriptor.close()
        descriptor = .none
        let pause = ProbeConnection.shortagePauseMilliseconds
        timers.append(loop.schedule(afterMilliseconds: pause) { [weak self] in self?.connect() })
    }

    /// Closes without a word.
    func abandon() {
        for timer in timers { loop.cancel(timer) }
        timers = []
        loop.unwatch(descriptor)
        descriptor.close()
        descriptor = .none
    }

    private func fail(
        after milliseconds: Int, _ failure: @escaping (ProbeConnection) -> ProbeFailure?
    ) {
        let timer = loop.schedule(afterMilliseconds: milliseconds) { [weak self] in
            guard let self, let failure = failure(self) else { return }
            end(failure)
        }
        timers.append(timer)
    }

    private func becameReady() {
        guard isConnected else { return finishConnect() }
        if sentCount < request.count { sendRequest() } else { readResponse() }
    }

    private func finishConnect() {
        let code = descriptor.pendingError()
        guard code == 0 else { return end(ProbeConnection.failure(code: code)) }
        isConnected = true
        guard announce() else { return end(.closed) }
        if request.isEmpty { end(nil) } else { sendRequest() }
    }

    /// Says that the connection is weir's own, where the pool has its replicas told whose it is.
    private func announce() -> Bool {
        let version = target.proxyProtocol
        guard version != .off else { return true }
        let header = ProxyWriter.local(version == .v1 ? .text : .binary)
        return descriptor.send(header.span) == .bytes(header.count)
    }

    private func sendRequest() {
        switch descriptor.send(request.span.extracting(sentCount..<request.count)) {
        case .bytes(let count): sentCount += count
        case .wouldBlock: return
        case .endOfStream, .failed: return end(.closed)
        }
        guard sentCount == request.count else { return }
        do throws(SystemError) {
            try loop.rewatch(descriptor, .readable)
        } catch {
            end(.unreachable(error.description))
        }
    }

    private func readResponse() {
        var verdict = ProbeResponse.Verdict.undecided
        let result = receive(descriptor) { bytes in
            if let call {
                verdict = call.take(bytes)
            } else {
                verdict = response?.take(bytes) ?? .passed
            }
        }
        switch result {
        case .bytes, .wouldBlock: break
        case .endOfStream, .failed: verdict = response?.end() ?? .failed(.closed)
        }
        if verdict == .undecided, let answer = call?.output(), !answer.isEmpty {
            // Settings acknowledged and the like: little, and nothing else is on its way out.
            _ = descriptor.send(answer.span)
        }
        switch verdict {
        case .undecided: break
        case .passed: end(nil)
        case .failed(let failure): end(failure)
        }
    }

    private func end(_ failure: ProbeFailure?) {
        abandon()
        let milliseconds = Instant.now().milliseconds(since: startedAt)
        ended(self, ProbeOutcome(failure: failure, milliseconds: milliseconds))
    }

    private static func failure(code: Int32) -> ProbeFailure {
        code == ECONNREFUSED ? .refused : .unreachable(SystemError.text(of: code))
    }

    private static func request(path: String, host: String) -> [UInt8] {
        let lines = [
            "GET \(path) HTTP/1.1", "Host: \(host)", "User-Agent: weir-probe", "Accept: */*",
            "Connection: close",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}
