internal import Balancing
internal import Transport

/// On the way out: no new connections, present work ends, and at the deadline what is left is cut.
extension Worker {
    mutating func beginDraining(deadline: UInt64) {
        let timer = drainTimer ?? wheel.make(owner: Token.mailbox.bits)
        drainTimer = timer
        wheel.set(timer, at: Instant(nanoseconds: deadline))
        guard !isDraining else { return }
        // What has been accepted by the kernel already is served: closing would reset it.
        for socket in listening {
            for _ in 0..<DataPlaneLimits.drainAcceptRounds { acceptReady(listenerRow: socket.row) }
        }
        isDraining = true
        for socket in listening { socket.descriptor.close() }
        listening.removeAll()
        for client in clients.open() where client.its.phase == .multiplexing {
            beginEndingSession(client)
        }
        for client in clients.open() where client.its.phase == .idle && !client.its.isReadable {
            // A request that has come just now is still answered: its event is on the way.
            guard client.its.wire.descriptor.peek() == .wouldBlock else { continue }
            if client.its.requestsServed > 0 {
                beginClosing(client)
            } else {
                // Its first request may be on the way.
                wheel.set(
                    client.its.timer,
                    at: now.adding(milliseconds: DataPlaneLimits.drainFirstRequestMilliseconds))
            }
        }
    }

    /// The deadline has passed.
    mutating func cutWhatIsLeft() {
        for client in clients.open() where client.isStream {
            if let exchange = client.its.exchange { fail(exchange, .shuttingDown) }
        }
        flushSessions()
        for client in clients.open() where client.its.isOpen {
            if let exchange = client.its.exchange { fail(exchange, .shuttingDown) }
            if client.its.isOpen { closeClient(client) }
        }
    }
}
