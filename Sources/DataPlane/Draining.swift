internal import Balancing
internal import Transport

/// On the way out: no new connections, present work ends, and at the deadline what is left is cut.
extension Worker {
    mutating func adoptPhase(_ phase: Snapshot.Phase) {
        switch phase {
        case .serving: break
        case .draining(let deadline): beginDraining(deadline: deadline)
        case .handedOver(let deadline): handOver(deadline: deadline)
        }
    }

    private mutating func beginDraining(deadline: UInt64) {
        let wasServing = !isDraining
        cut(at: deadline)
        if wasServing {
            // What has been accepted by the kernel already is served: closing would reset it.
            for socket in listening {
                for _ in 0..<DataPlaneLimits.drainAcceptRounds {
                    acceptReady(listenerRow: socket.row)
                }
            }
            stopListening()
        }
        guard !closesIdle else { return }
        closesIdle = true
        closeIdleClients()
    }

    /// Another process accepts on the same sockets, so that what waits there is its own. Clients
    /// learn from their next answer that the connection ends: to close an idle one could meet a
    /// request on its way, and here, unlike at the end of the program, there is no hurry.
    private mutating func handOver(deadline: UInt64) {
        cut(at: deadline)
        if !isDraining { stopListening() }
    }

    private mutating func cut(at deadline: UInt64) {
        let timer = drainTimer ?? wheel.make(owner: Token.mailbox.bits)
        drainTimer = timer
        wheel.set(timer, at: Instant(nanoseconds: deadline))
    }

    private mutating func stopListening() {
        isDraining = true
        for socket in listening { stopListening(socket) }
        listening.removeAll()
        for client in clients.open() where client.its.phase == .multiplexing {
            beginEndingSession(client)
        }
    }

    /// The poller would go on to report a socket that is open in another process.
    mutating func stopListening(_ socket: ListeningSocket) {
        if !socket.isPaused { poller.remove(socket.descriptor) }
        socket.descriptor.close()
    }

    private mutating func closeIdleClients() {
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
