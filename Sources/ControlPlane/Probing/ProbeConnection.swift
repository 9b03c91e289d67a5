internal import Balancing
internal import Glibc
internal import Transport

/// One probe: connects, asks, judges the answer, and closes.
final class ProbeConnection {
    typealias Receive = (Wire, (Span<UInt8>) -> Void) -> TransferResult
    typealias Ended = (ProbeConnection, ProbeOutcome) -> Void

    /// How long a probe is put off when descriptors or ports have run out.
    private static let shortagePauseMilliseconds = 100

    private let loop: EventLoop
    private let target: ProbeTarget
    private var wire = Wire.none
    private var timers: [EventLoop.Scheduled] = []
    private let startedAt = Instant.now()
    private var isConnected = false
    private var isEncrypted = false
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
            wire = Wire(plain: try Socket.connect(to: target.address))
            try loop.watch(wire.descriptor, .writable) { [weak self] _ in self?.becameReady() }
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
        wire.close()
        wire = .none
        let pause = ProbeConnection.shortagePauseMilliseconds
        timers.append(loop.schedule(afterMilliseconds: pause) { [weak self] in self?.connect() })
    }

    /// Closes without a word.
    func abandon() {
        for timer in timers { loop.cancel(timer) }
        timers = []
        loop.unwatch(wire.descriptor)
        wire.close()
        wire = .none
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
        guard isEncrypted || target.tls == nil else { return continueHandshake() }
        if sentCount < request.count { sendRequest() } else { readResponse() }
    }

    private func finishConnect() {
        let code = wire.descriptor.pendingError()
        guard code == 0 else { return end(ProbeConnection.failure(code: code)) }
        isConnected = true
        guard announce() else { return end(.closed) }
        if let tls = target.tls { beginHandshake(tls) } else { ask() }
    }

    /// Says that the connection is weir's own, where the pool has its replicas told whose it is.
    private func announce() -> Bool {
        let version = target.proxyProtocol
        guard version != .off else { return true }
        let header = ProxyWriter.local(version == .v1 ? .text : .binary)
        return wire.send(header.span) == .bytes(header.count)
    }

    private func ask() {
        if request.isEmpty { end(nil) } else { sendRequest() }
    }

    private func beginHandshake(_ tls: ProbeTarget.TLS) {
        guard
            let encrypted = Wire(
                connecting: wire.descriptor, by: tls.context, name: tls.serverName)
        else { return end(.unreachable("no memory for TLS")) }
        wire = encrypted
        if watch(.readable) { continueHandshake() }
    }

    private func continueHandshake() {
        switch wire.handshake() {
        case .waiting: break
        case .failed(let failure): end(failure.kind == .closed ? .closed : .tls("\(failure)"))
        case .done:
            isEncrypted = true
            ask()
        }
    }

    /// False if that could not be, and the probe has ended.
    private func watch(_ interest: Readiness) -> Bool {
        do throws(SystemError) {
            try loop.rewatch(wire.descriptor, interest)
            return true
        } catch {
            end(.unreachable(error.description))
            return false
        }
    }

    private func sendRequest() {
        switch wire.send(request.span.extracting(sentCount..<request.count)) {
        case .bytes(let count): sentCount += count
        case .wouldBlock: break
        case .endOfStream, .failed: return end(.closed)
        }
        _ = watch(sentCount == request.count ? .readable : .writable)
    }

    private func judge(_ bytes: Span<UInt8>) -> ProbeResponse.Verdict {
        if let call { return call.take(bytes) }
        return response?.take(bytes) ?? .passed
    }

    private func readResponse() {
        var verdict = ProbeResponse.Verdict.undecided
        var result = TransferResult.wouldBlock
        // What TLS has in hand raises no event.
        repeat {
            result = receive(wire) { verdict = judge($0) }
            guard case .bytes = result else { break }
        } while wire.isTLS && verdict == .undecided
        switch result {
        case .bytes, .wouldBlock: break
        case .endOfStream, .failed: verdict = response?.end() ?? .failed(.closed)
        }
        if verdict == .undecided, let answer = call?.output(), !answer.isEmpty {
            // Settings acknowledged and the like: little, and nothing else is on its way out.
            _ = wire.send(answer.span)
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
