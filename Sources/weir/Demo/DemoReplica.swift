internal import ControlPlane
internal import Transport

/// One embedded HTTP server of the demo, in a thread of its own, as a container would be a process
/// of its own. It answers every request with its name.
final class DemoReplica: Sendable {
    let name: String
    let address: SocketAddress
    private let killed: Wakeup
    private let thread: WorkerThread

    /// Listens on `address` and begins to serve.
    init(name: String, address: SocketAddress) throws(SystemError) {
        let listener = try Socket.listen(on: address, sharing: .exclusive)
        let killed = try Wakeup()
        self.name = name
        self.address = Socket.localAddress(of: listener) ?? address
        self.killed = killed
        thread = try WorkerThread(name: name) {
            DemoReplica.serve(name: name, listener: listener, until: killed)
        }
    }

    /// Ends as `docker kill` ends a container: the port is closed and every connection reset.
    func kill() {
        killed.signal()
        thread.join()
    }

    private static func serve(name: String, listener: Descriptor, until killed: Wakeup) {
        do {
            let loop = try EventLoop()
            let server = DemoServer(name: name, listener: listener, loop: loop)
            try loop.watch(killed.descriptor, .readable) { _ in loop.stop() }
            try loop.watch(listener, .readable) { _ in server.accept() }
            loop.run()
            server.close()
        } catch {
            Console.error("weir: demo replica \(name): \(error)")
        }
    }
}

/// What a demo replica does inside its thread.
private final class DemoServer {
    private let name: String
    private let listener: Descriptor
    private let loop: EventLoop
    private var sessions: [Descriptor: DemoSession] = [:]

    init(name: String, listener: Descriptor, loop: EventLoop) {
        self.name = name
        self.listener = listener
        self.loop = loop
    }

    func accept() {
        do {
            while let (descriptor, _) = try Socket.accept(from: listener) {
                sessions[descriptor] = DemoSession(name: name, descriptor: descriptor)
                try loop.watch(descriptor, .readable) { _ in self.serve(descriptor) }
            }
        } catch {
            Console.error("weir: demo replica \(name): \(error)")
        }
    }

    func close() {
        loop.unwatch(listener)
        listener.close()
        for (descriptor, session) in sessions {
            descriptor.resetOnClose()
            end(session)
        }
    }

    private func serve(_ descriptor: Descriptor) {
        guard let session = sessions[descriptor], !session.serve() else { return }
        end(session)
        sessions[descriptor] = nil
    }

    private func end(_ session: DemoSession) {
        loop.unwatch(session.descriptor)
        session.close()
    }
}

/// One connection to a demo replica: requests in, one after another, each answered with a line.
private final class DemoSession {
    let descriptor: Descriptor
    private let name: String
    private var buffer = Buffer.allocate(capacity: 16_384)
    private var bodyBytesLeft = 0

    init(name: String, descriptor: Descriptor) {
        self.name = name
        self.descriptor = descriptor
    }

    func close() {
        descriptor.close()
        buffer.deallocate()
    }

    /// Takes what has arrived. False when the connection is at its end.
    func serve() -> Bool {
        switch descriptor.receive(into: &buffer) {
        case .bytes: return answerAll()
        case .wouldBlock: return true
        case .endOfStream, .failed: return false
        }
    }

    private func answerAll() -> Bool {
        skipBody()
        while let head = takeHead() {
            guard answer() else { return false }
            bodyBytesLeft = DemoSession.contentLength(of: head)
            skipBody()
        }
        buffer.compact()
        return buffer.room > 0
    }

    private func skipBody() {
        let count = min(bodyBytesLeft, buffer.count)
        buffer.consume(count)
        bodyBytesLeft -= count
    }

    /// The next request's head, up to its empty line.
    private func takeHead() -> String? {
        guard bodyBytesLeft == 0 else { return nil }
        let bytes = buffer.bytes
        var at = 3
        while at < bytes.count {
            if bytes[at] == 10, bytes[at - 1] == 13, bytes[at - 2] == 10, bytes[at - 3] == 13 {
                let head = String(decoding: (0...at).map { bytes[$0] }, as: UTF8.self)
                buffer.consume(at + 1)
                return head
            }
            at += 1
        }
        return nil
    }

    private func answer() -> Bool {
        let body = "hello from \(name)\n"
        let response = """
            HTTP/1.1 200 OK\r
            Content-Type: text/plain\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """
        return descriptor.send(Array(response.utf8).span) == .bytes(response.utf8.count)
    }

    /// weir sends a length or chunks; the latter end the connection, as the next head is not one.
    private static func contentLength(of head: String) -> Int {
        for line in head.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
            return Int(parts[1].drop { $0 == " " }) ?? 0
        }
        return 0
    }
}
