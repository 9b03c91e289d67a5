public import Transport

import Synchronization

/// A replica on a loopback address that answers probes as told. It has a thread of its own.
public final class ProbedReplica: Sendable {
    public enum Behaviour: Sendable {
        /// Sends these bytes to each connection that has sent something, and closes.
        case answer(String)
        /// Accepts, and says nothing.
        case silent
        /// Accepts, and closes at once.
        case close

        public static let healthy = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        public static let failing = answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    }

    /// Where it listens.
    public let address: SocketAddress
    private let listener: Descriptor
    private let behaviour: Guarded<Behaviour>
    private let requests = Guarded<[String]>([])
    private let isStopped = Atomic<Bool>(false)
    private let wakeup: Wakeup
    private let thread = Guarded<WorkerThread?>(nil)

    /// Starts it; port 0 is any free one. `stop` when done.
    public init(_ behaviour: Behaviour, on wanted: SocketAddress = .loopback) throws {
        self.behaviour = Guarded(behaviour)
        wakeup = try Wakeup()
        listener = try Socket.listen(on: wanted, sharing: .exclusive)
        address = Socket.localAddress(of: listener) ?? wanted
        let started = try WorkerThread(name: "probed-replica") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Behaves like this from the next connection on.
    public func behave(_ behaviour: Behaviour) { self.behaviour.withLock { $0 = behaviour } }

    /// What was asked, oldest first.
    public var received: [String] { requests.withLock { $0 } }

    /// Closes the listening socket, and waits until it is closed.
    public func stop() {
        isStopped.store(true, ordering: .relaxed)
        wakeup.signal()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        var open: [UInt64: Descriptor] = [:]
        var last: UInt64 = 2
        defer {
            for descriptor in open.values { descriptor.close() }
            listener.close()
        }
        do throws(SystemError) {
            var poller = try Poller()
            try poller.add(listener, .readable, token: 1)
            try poller.add(wakeup.descriptor, .readable, token: 2)
            while !isStopped.load(ordering: .relaxed) {
                let count = poller.wait(milliseconds: -1)
                for index in 0..<count {
                    let token = poller.event(at: index).token
                    if token == 1 {
                        while let (descriptor, _) = try Socket.accept(from: listener) {
                            last += 1
                            open[last] = descriptor
                            try poller.add(descriptor, .readable, token: last)
                            if case .close = behaviour.withLock({ $0 }) { close(last, &open) }
                        }
                    } else if token > 2 {
                        serve(token, &open)
                    }
                }
            }
        } catch {
            fatalError("scripted replica \(address): \(error)")
        }
    }

    private func serve(_ token: UInt64, _ open: inout [UInt64: Descriptor]) {
        guard let descriptor = open[token] else { return }
        var buffer = Buffer.allocate(capacity: 4096)
        defer { buffer.deallocate() }
        guard case .bytes = descriptor.receive(into: &buffer) else { return close(token, &open) }
        let bytes = buffer.bytes
        let text = String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
        requests.withLock { $0.append(text) }
        guard case .answer(let answer) = behaviour.withLock({ $0 }) else { return }
        _ = descriptor.send(Array(answer.utf8).span)
        close(token, &open)
    }

    private func close(_ token: UInt64, _ open: inout [UInt64: Descriptor]) {
        open.removeValue(forKey: token)?.close()
    }
}
