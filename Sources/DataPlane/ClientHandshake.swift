internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// TLS with clients, up to the first byte of their protocol.
extension Worker {
    mutating func beginHandshake(_ client: Ref<ClientConnection>, by context: TLSContext) {
        guard let wire = Wire(accepting: client.its.wire.descriptor, by: context) else {
            return closeClient(client)
        }
        client.its.wire = wire
        client.its.phase = .handshaking
        setHeadTimeout(client)
    }

    /// Goes on as far as it can with what has come; in a later turn, if this one has done enough.
    mutating func continueHandshake(_ client: Ref<ClientConnection>) {
        guard handshakesThisTurn < DataPlaneLimits.handshakesPerTurnMaximum else {
            return deferHandshake(client)
        }
        handshakesThisTurn += 1
        switch client.its.wire.handshake() {
        case .waiting: break
        case .failed(let failure): handshakeFailed(client, failure)
        case .done: handshakeEnded(client)
        }
    }

    private mutating func deferHandshake(_ client: Ref<ClientConnection>) {
        guard !client.its.isDeferred else { return }
        client.its.isDeferred = true
        deferredHandshakes.append(client)
    }

    /// The first of those that had to wait, before anything new. A slot may be another client's by
    /// now, which then is asked in vain.
    mutating func resumeHandshakes() {
        let count = min(deferredHandshakes.count, DataPlaneLimits.handshakesPerTurnMaximum)
        let first = Array(deferredHandshakes[..<count])
        deferredHandshakes.removeFirst(count)
        for client in first where client.its.isOpen && client.its.phase == .handshaking {
            client.its.isDeferred = false
            continueHandshake(client)
        }
    }

    private mutating func handshakeEnded(_ client: Ref<ClientConnection>) {
        let row = client.its.listenerRow
        counters.listeners.add(1, row: row, column: ListenerColumn.handshakes.rawValue)
        if client.its.wire.isResumed {
            counters.listeners.add(1, row: row, column: ListenerColumn.handshakesResumed.rawValue)
        }
        client.its.isSecure = true
        client.its.hasCertificate = client.its.wire.hasPeerCertificate
        // What came behind the handshake raised its event already.
        client.its.isReadable = true
        client.its.phase = .idle
        guard let listener = snapshot.listeners.first(where: { $0.row == row }) else {
            return closeClient(client)
        }
        greet(client, listener.mode)
        if client.its.isOpen, client.its.phase == .idle { serveRequests(client) }
    }

    /// The field that tells the replica of the client's certificate; empty if there is none. It is
    /// in `assembly`.
    mutating func certificateLine(of client: Ref<ClientConnection>) -> Buffer {
        var line = assembly
        line.clear()
        guard client.its.hasCertificate else { return line }
        var der = line
        let carrier = client.its.http2.carrier ?? client
        guard carrier.its.wire.peerCertificate(into: &der) > 0 else { return line }
        // Behind the certificate itself.
        var text = der
        var space = text.free
        guard let count = writeClientCert(der.bytes, into: &space) else { return line }
        text.commit(count)
        text.consume(der.count)
        return text
    }

    /// - Parameter failure: nil when it took too long.
    mutating func handshakeFailed(_ client: Ref<ClientConnection>, _ failure: TLSFailure?) {
        counters.listeners.add(
            1, row: client.its.listenerRow, column: ListenerColumn.handshakesFailed.rawValue)
        if failure?.isPlainHTTP == true { answerPlainHTTP(client) }
        closeClient(client)
    }

    /// Who speaks http where https is spoken is told so, in words that it understands.
    private mutating func answerPlainHTTP(_ client: Ref<ClientConnection>) {
        var space = assembly
        space.clear()
        space.append(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n")
        space.append("Proxy-Status: weir; error=tls_protocol_error\r\nContent-Length: 47\r\n\r\n")
        space.append("400 Bad Request\nthis address speaks https only\n")
        // It is closed in any case.
        _ = client.its.wire.descriptor.send(space.bytes)
    }
}
