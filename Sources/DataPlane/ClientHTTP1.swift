internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The client codec for HTTP/1: bytes of a client connection to requests, and responses to bytes.
extension Worker {
    mutating func clientEvent(_ client: Ref<ClientConnection>, _ readiness: Readiness) {
        guard client.its.isOpen else { return }
        if !readiness.isDisjoint(with: [.readHangup, .hangup, .error]) {
            client.its.hasHangup = true
        }
        if client.its.phase == .handshaking { return continueHandshake(client) }
        if readiness.contains(.writable), client.its.owesEnd || !client.its.output.isEmpty {
            clientWritable(client)
            guard client.its.isOpen else { return }
        }
        guard !readiness.isDisjoint(with: [.readable, .readHangup, .hangup, .error]) else { return }
        client.its.isReadable = true
        switch client.its.phase {
        case .idle, .readingHead: serveRequests(client)
        case .exchanging:
            if !readiness.isDisjoint(with: [.hangup, .error]) || hasLeft(client) {
                clientGone(client)
            } else if let exchange = client.its.exchange {
                receiveRequestBody(exchange)
            }
        case .tunnelling: relayFromClient(client)
        case .multiplexing: receiveSession(client)
        case .awaitingProxyHeader: hearProxyHeader(client)
        case .awaitingHello: hearHello(client)
        case .closing, .handshaking: break
        case .lingering: discardInput(client)
        }
    }

    /// A client that sends FIN while it waits for a response has given up, as far as anybody can
    /// tell: its request is taken along. One that has pipelined more, or has part of the response,
    /// is served to the end.
    private mutating func hasLeft(_ client: Ref<ClientConnection>) -> Bool {
        guard client.its.hasHangup, !client.its.hasUnseenInput, client.its.output.isEmpty,
            let exchange = client.its.exchange,
            exchange.its.requestBody.isComplete, exchange.its.stage != .responding
        else { return false }
        return client.its.wire.peek() == .endOfStream
    }

    /// Serves requests one after the other as long as there are any and each is answered at once.
    mutating func serveRequests(_ client: Ref<ClientConnection>) {
        guard !client.its.isServing else { return }
        client.its.isServing = true
        var begun = 0
        while client.its.isOpen, client.its.phase == .idle || client.its.phase == .readingHead,
            client.its.output.count < snapshot.limits.readAheadBytesMaximum
        {
            guard begun < DataPlaneLimits.turnRequestsMaximum else {
                goOnLater(client)
                break
            }
            guard let received = nextInput(of: client, atMost: BufferStore.largeBytes) else {
                break
            }
            begun += 1
            serveRequest(client, from: received)
        }
        client.its.isServing = false
    }

    private mutating func serveRequest(_ client: Ref<ClientConnection>, from received: Buffer) {
        do {
            guard try requestHead.parse(received.bytes, limits: headLimits) else {
                keepPartialHead(received, of: client)
                return
            }
            try readPath(received)
        } catch {
            if !beginsSession(client, received) { reject(client, error) }
            return
        }
        beginExchange(client, received)
    }

    /// Bytes to work on: those left over from before, else freshly received ones.
    ///
    /// What is not used up must be handed back with `keepInput`.
    mutating func nextInput(of client: Ref<ClientConnection>, atMost limit: Int) -> Buffer? {
        if client.its.hasUnseenInput, let input = client.its.input { return input }
        guard client.its.isReadable else { return nil }
        if client.its.input != nil, !makeRoom(in: client) { return nil }
        var buffer = client.its.input ?? scratch
        if client.its.input == nil { buffer.clear() }
        let room = min(limit, buffer.room)
        switch client.its.wire.receive(into: &buffer, atMost: room) {
        case .bytes(let count):
            if client.its.wire.isDrained(by: count, of: room), !client.its.hasHangup {
                client.its.isReadable = false
            }
            return buffer
        case .wouldBlock:
            client.its.isReadable = false
            return nil
        case .endOfStream:
            client.its.isReadable = false
            client.its.hasEnded = true
            clientEnded(client)
            return nil
        case .failed:
            clientGone(client)
            return nil
        }
    }

    /// Puts back what was not used of the bytes that `nextInput` gave.
    mutating func keepInput(_ buffer: Buffer, of client: Ref<ClientConnection>) {
        client.its.hasUnseenInput = !buffer.isEmpty
        defer { if client.isStream { returnCredit(of: client) } }
        if client.its.input != nil {
            if buffer.isEmpty {
                store.give(buffer)
                client.its.input = nil
            } else {
                client.its.input = buffer
            }
        } else if !buffer.isEmpty {
            guard var own = store.take(atLeast: buffer.count) else { return loseInput(of: client) }
            own.append(buffer.bytes)
            client.its.input = own
        }
    }

    /// There is no buffer for what the client has sent: its present request is its last one.
    private mutating func loseInput(of client: Ref<ClientConnection>) {
        client.its.hasUnseenInput = false
        guard let exchange = client.its.exchange else { return closeClient(client) }
        client.its.closesAfterResponse = true
        client.its.mayStillSend = true
        fail(exchange, .buffersExhausted)
    }

    mutating func keepPartialHead(_ received: Buffer, of client: Ref<ClientConnection>) {
        keepInput(received, of: client)
        guard client.its.isOpen else { return }
        client.its.hasUnseenInput = false
        if client.its.phase == .idle {
            client.its.phase = .readingHead
            let limit = snapshot.limits.headTimeoutMilliseconds
            wheel.set(client.its.timer, at: now.adding(milliseconds: limit))
        }
    }

    /// Makes room behind a partial head: by sliding it forward, or in a larger buffer.
    private mutating func makeRoom(in client: Ref<ClientConnection>) -> Bool {
        guard var input = client.its.input, input.room == 0 else { return true }
        input.compact()
        if input.room == 0 {
            guard input.capacity < BufferStore.largeBytes,
                var larger = store.take(atLeast: BufferStore.largeBytes)
            else {
                reject(client, .headTooLarge)
                return false
            }
            larger.append(input.bytes)
            store.give(input)
            input = larger
        }
        client.its.input = input
        return true
    }

    /// The client has sent FIN. What it asked for before is still answered.
    private mutating func clientEnded(_ client: Ref<ClientConnection>) {
        switch client.its.phase {
        case .idle, .readingHead: beginClosing(client)
        case .lingering: closeClient(client)
        case .exchanging:
            client.its.closesAfterResponse = true
            // A body that will never be whole.
            if let exchange = client.its.exchange, !exchange.its.requestBody.isComplete {
                fail(exchange, .clientClosed)
            }
        case .closing, .tunnelling, .multiplexing, .handshaking: break
        case .awaitingProxyHeader, .awaitingHello: break
        }
    }

    /// The connection to the client is broken: nobody is left to answer.
    mutating func clientGone(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen else { return }
        if let exchange = client.its.exchange {
            fail(exchange, .clientClosed)
        }
        if client.its.isOpen { closeClient(client) }
    }

    /// The socket takes bytes again.
    mutating func clientWritable(_ client: Ref<ClientConnection>) {
        let before = client.its.output.count
        if client.its.output.flush(to: client.its.wire, store: &store) != nil {
            clientGone(client)
            return
        }
        if isTooSlow(client, reading: before - client.its.output.count) {
            return cutSlowReader(client)
        }
        switch client.its.phase {
        case .exchanging:
            guard let exchange = client.its.exchange else { return }
            noteProgress(exchange)
            resumeResponse(exchange)
            endReadingIfDrained(client)
        case .closing:
            allowTimeToRead(client, snapshot.limits.clientIdleTimeoutMilliseconds)
            finishClosing(client)
        case .idle, .readingHead:
            if client.its.phase == .idle {
                allowTimeToRead(client, snapshot.limits.keepAliveTimeoutMilliseconds)
            }
            serveRequests(client)
        case .tunnelling: clientTunnelWritable(client)
        case .multiplexing: sessionWritable(client)
        case .lingering, .handshaking, .awaitingProxyHeader, .awaitingHello: break
        }
    }

    private mutating func allowTimeToRead(_ client: Ref<ClientConnection>, _ milliseconds: Int) {
        wheel.set(client.its.timer, at: now.adding(milliseconds: milliseconds))
    }

    mutating func clientTimedOut(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen else { return }
        switch client.its.phase {
        case .idle, .lingering, .closing: closeClient(client)
        case .handshaking: handshakeFailed(client, nil)
        case .readingHead: answerWithoutExchange(client, .requestTimeout)
        case .multiplexing: sessionTimedOut(client)
        case .awaitingProxyHeader, .awaitingHello: greetingTimedOut(client)
        case .exchanging, .tunnelling: break
        }
    }

    /// After a response: closes, or gets ready for the next request.
    mutating func continueClient(_ client: Ref<ClientConnection>) {
        client.its.exchange = nil
        if client.isStream { return beginClosingStream(client) }
        if client.its.closesAfterResponse || closesIdle || client.its.hasEnded {
            beginClosing(client)
            return
        }
        client.its.phase = .idle
        let limit = snapshot.limits.keepAliveTimeoutMilliseconds
        wheel.set(client.its.timer, at: now.adding(milliseconds: limit))
        if client.its.hasUnseenInput || client.its.isReadable { serveRequests(client) }
    }

    /// Closes as soon as the output is flushed.
    mutating func beginClosing(_ client: Ref<ClientConnection>) {
        if client.isStream { return beginClosingStream(client) }
        client.its.phase = .closing
        wheel.set(
            client.its.timer,
            at: now.adding(milliseconds: snapshot.limits.clientIdleTimeoutMilliseconds))
        if client.its.output.isEmpty { finishClosing(client) }
    }

    /// All output is with the kernel. A client that may still be sending is given time to read it:
    /// closing with unread input would send a reset, which can overtake the answer.
    private mutating func finishClosing(_ client: Ref<ClientConnection>) {
        guard client.its.output.isEmpty else { return }
        // Without its word of the end a response without a length is not whole.
        client.its.owesEnd = !client.its.wire.sayEnd()
        guard !client.its.owesEnd else { return }
        if client.its.hasEnded
            || (!client.its.mayStillSend && client.its.input == nil && !client.its.isReadable)
        {
            closeClient(client)
            return
        }
        client.its.phase = .lingering
        _ = client.its.wire.shutdownWrite()
        wheel.set(
            client.its.timer, at: now.adding(milliseconds: DataPlaneLimits.lingerMilliseconds))
        discardInput(client)
    }

    private mutating func discardInput(_ client: Ref<ClientConnection>) {
        while client.its.isOpen, client.its.isReadable {
            scratch.clear()
            switch client.its.wire.receive(into: &scratch) {
            case .bytes(let count):
                client.its.discarded += count
                if client.its.discarded > DataPlaneLimits.lingerBytesMaximum { closeClient(client) }
            case .wouldBlock: client.its.isReadable = false
            case .endOfStream, .failed: closeClient(client)
            }
        }
    }

    /// Closes at once: what is still queued is lost, and the reset says so.
    mutating func closeClient(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen else { return }
        dropSession(of: client)
        if client.isStream {
            closeStream(client)
        } else {
            if !client.its.output.isEmpty { client.its.wire.resetOnClose() }
            counters.listeners.subtract(
                1, row: client.its.listenerRow, column: ListenerColumn.open.rawValue)
            if client.its.countedAs != 0 { links.clients.leave(client: client.its.countedAs) }
        }
        if let input = client.its.input { store.give(input) }
        client.its.input = nil
        client.its.output.discard(store: &store)
        wheel.free(client.its.timer)
        client.its.wire.close()
        clients.free(client)
    }
}
