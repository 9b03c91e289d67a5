import Glibc
public import Transport

/// A server whose behaviour is a function that reads like the wire: what to expect, what to send,
/// when to close. It runs once per connection, on a thread of its own.
///
///     let replica = try ScriptedReplica { wire in
///         _ = try wire.readRequest()
///         try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
///     }
///
/// A script that throws ends its connection. Probes that only connect are connections without a
/// byte: a script sees the end of the stream.
public final class ScriptedReplica: Sendable {
    public typealias Script = @Sendable (Wire) throws -> Void

    public let address: SocketAddress
    private let script: Script
    private let counted = Guarded(Counts())
    private let state = Guarded(State())

    private struct Counts {
        var connections = 0
        var requests = 0
    }

    private struct State {
        var listener = Descriptor.none
        var accepting: WorkerThread?
        var wires: [ObjectIdentifier: Wire] = [:]
    }

    public init(on address: SocketAddress = LoopbackAddress.unique(), _ script: @escaping Script)
        throws
    {
        self.address = address
        self.script = script
        try start()
    }

    /// Connections accepted so far, the ones of probes included.
    public var connections: Int { counted.withLock(\.connections) }
    /// Requests that scripts have read with `readRequest`, to the end of their bodies.
    public var requests: Int { counted.withLock(\.requests) }
    /// Connections that are open now.
    public var openConnections: Int { state.withLock(\.wires.count) }

    /// Listens, on the same address as before.
    public func start() throws {
        let listener = try Socket.listen(on: address, sharing: .exclusive)
        let thread = try WorkerThread(name: "replica") { [self] in accept(from: listener) }
        state.withLock {
            $0.listener = listener
            $0.accepting = thread
        }
    }

    /// Refuses connections from now on, and cuts those there are.
    public func stop() {
        refuse()
        cut()
    }

    /// Refuses connections from now on; those there are go on.
    public func refuse() {
        let (listener, thread) = state.withLock { state in
            defer { (state.listener, state.accepting) = (.none, nil) }
            return (state.listener, state.accepting)
        }
        guard listener.isOpen else { return }
        shutdown(listener.number, Int32(SHUT_RDWR))
        thread?.join()
        listener.close()
    }

    /// Cuts the connections there are; new ones are welcome.
    public func cut() {
        for wire in state.withLock({ Array($0.wires.values) }) { wire.cut() }
    }

    private func accept(from listener: Descriptor) {
        while true {
            var event = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&event, 1, -1)
            if Int32(event.revents) & POLLHUP != 0 { return }
            do {
                if let (descriptor, _) = try Socket.accept(from: listener) { serve(descriptor) }
            } catch {
                return
            }
        }
    }

    private func serve(_ descriptor: Descriptor) {
        counted.withLock { $0.connections += 1 }
        let wire = Wire(descriptor) { [self] in counted.withLock { $0.requests += 1 } }
        wire.patience = 60
        state.withLock { $0.wires[ObjectIdentifier(wire)] = wire }
        do {
            _ = try WorkerThread(name: "script") { [self] in run(wire) }
        } catch {
            end(wire)
        }
    }

    private func run(_ wire: Wire) {
        do {
            try script(wire)
        } catch {
            // A connection that broke is over; what the test wanted from it, the test checks.
            _ = error
        }
        end(wire)
    }

    private func end(_ wire: Wire) {
        state.withLock { _ = $0.wires.removeValue(forKey: ObjectIdentifier(wire)) }
        wire.close()
    }
}
