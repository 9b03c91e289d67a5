internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The client codec for HTTP/2: a connection whose streams are served like connections.
extension Worker {
    /// What could not be read as HTTP/1 is the beginning of HTTP/2 (RFC 9113 §3.3).
    ///
    /// - Returns: false if it is not.
    mutating func beginsSession(_ client: Ref<ClientConnection>, _ received: Buffer) -> Bool {
        guard client.its.requestsServed == 0, !client.isStream,
            HTTP2Session.isPreface(received.bytes),
            speaksHTTP2(client.its.listenerRow)
        else { return false }
        if received.count < HTTP2Session.prefaceBytes {
            keepPartialHead(received, of: client)
        } else {
            openSession(client, received)
        }
        return true
    }

    private mutating func speaksHTTP2(_ listenerRow: Int) -> Bool {
        snapshot.listeners.first { $0.row == listenerRow }?.speaksHTTP2 ?? false
    }

    /// From here on the connection carries streams. `received` are its first bytes.
    mutating func openSession(_ client: Ref<ClientConnection>, _ received: Buffer) {
        var settings = HTTP2Settings()
        settings.streamsMaximum = DataPlaneLimits.streamsPerConnectionMaximum
        settings.headerListBytesMaximum = headLimits.headBytesMaximum
        guard let session = HTTP2Session.server(settings, keyBits: random.next()) else {
            return closeClient(client)
        }
        var first = sessionInput
        first.clear()
        first.append(received.bytes)
        if let input = client.its.input { store.give(input) }
        client.its.input = nil
        client.its.hasUnseenInput = false
        client.its.phase = .multiplexing
        client.its.http2.session = session
        client.its.http2.clock.noteEmpty(at: now)
        feedSession(client, first)
        if isDraining { beginEndingSession(client) }
        if client.its.isOpen, client.its.phase == .multiplexing { receiveSession(client) }
    }

    /// Receives as long as there is something, and the client takes what it is sent.
    mutating func receiveSession(_ client: Ref<ClientConnection>) {
        var moved = 0
        while client.its.isOpen, client.its.phase == .multiplexing, client.its.isReadable,
            client.its.output.count < DataPlaneLimits.sessionQueueBytesMaximum
        {
            guard moved < DataPlaneLimits.turnBytesMaximum else { return goOnLater(client) }
            var buffer = sessionInput
            buffer.clear()
            let room = buffer.room
            switch client.its.wire.receive(into: &buffer) {
            case .bytes(let count):
                if client.its.wire.isDrained(by: count, of: room), !client.its.hasHangup {
                    client.its.isReadable = false
                }
                moved += count
                feedSession(client, buffer)
            case .wouldBlock: client.its.isReadable = false
            case .endOfStream, .failed:
                client.its.isReadable = false
                client.its.hasEnded = true
                closeClient(client)
            }
        }
    }

    private mutating func feedSession(_ client: Ref<ClientConnection>, _ received: Buffer) {
        var rest = received
        wantFlush(client)
        while let session = client.its.http2.session, !rest.isEmpty {
            let result = session.receive(rest.bytes, atMilliseconds: UInt64(now.milliseconds))
            var part = rest
            rest.consume(result.consumed)
            part.truncate(to: result.consumed)
            serve(result.event, on: client, session, part)
            endClosedStreams(of: client)
        }
    }

    private mutating func serve(
        _ event: HTTP2Event, on client: Ref<ClientConnection>, _ session: HTTP2Session,
        _ received: Buffer
    ) {
        switch event {
        case .request(let stream, let ends):
            guard let slot = admit(stream, on: client) else { return }
            slot.its.hasEnded = ends
            slot.its.http2.isTunnel = session.headAsksForTunnel
            serveStream(slot, session)
        case .largeRequest(let stream, let ends):
            guard let slot = admit(stream, on: client) else { return }
            slot.its.hasEnded = ends
            reject(slot, .headTooLarge)
        case .data(let user, let range, let ends):
            var data = received
            data.consume(range.lowerBound)
            data.truncate(to: range.count)
            receiveStreamData(Ref(bits: user), data, ends: ends)
        case .trailers(let user):
            receiveTrailers(session, of: Ref(bits: user))
        case .nothing, .settings, .goingAway, .response, .largeResponse: break
        }
    }

    /// A slot for the stream; nil if there is none, and then the stream is refused.
    private mutating func admit(
        _ stream: HTTP2Stream, on carrier: Ref<ClientConnection>
    ) -> Ref<ClientConnection>? {
        guard let session = carrier.its.http2.session else { return nil }
        let slot = clients.make()
        slot.its = ClientConnection(isOpen: true, listenerRow: carrier.its.listenerRow)
        slot.its.address = carrier.its.address
        slot.its.addressText = carrier.its.addressText
        slot.its.isTrusted = carrier.its.isTrusted
        slot.its.spokeTLSBefore = carrier.its.spokeTLSBefore
        slot.its.destination = carrier.its.destination
        slot.its.proxyValues = carrier.its.proxyValues
        slot.its.isSecure = carrier.its.isSecure
        slot.its.hasCertificate = carrier.its.hasCertificate
        slot.its.redirectPort = carrier.its.redirectPort
        slot.its.hstsSeconds = carrier.its.hstsSeconds
        slot.its.timer = wheel.make(owner: Token.client(slot).bits)
        slot.its.http2.carrier = carrier
        slot.its.http2.stream = stream
        slot.its.http2.next = carrier.its.http2.first
        carrier.its.http2.first?.its.http2.previous = slot
        carrier.its.http2.first = slot
        carrier.its.http2.count += 1
        clientStreamCount += 1
        session.attach(stream, user: slot.bits)
        carrier.its.requestsServed += 1
        if carrier.its.requestsServed == snapshot.limits.requestsPerConnectionMaximum {
            beginEndingSession(carrier)
        }
        return slot
    }

    /// The head of the stream's request is in the session.
    private mutating func serveStream(_ client: Ref<ClientConnection>, _ session: HTTP2Session) {
        var text = streamHead
        text.clear()
        text.append(session.head)
        do {
            guard try requestHead.parse(text.bytes, limits: headLimits) else {
                return reject(client, .headTooLarge)
            }
            try readPath(text)
        } catch {
            return reject(client, error)
        }
        guard !client.its.http2.isTunnel || requestHead.wantsUpgrade else {
            return reject(client, .malformedField)
        }
        beginExchange(client, text)
    }

    /// Streams that are over for the session.
    mutating func endClosedStreams(of client: Ref<ClientConnection>) {
        while let session = client.its.http2.session, let closed = session.nextClosed() {
            let slot = Ref<ClientConnection>(bits: closed.user)
            slot.its.http2.stream = .none
            // Both sides of a tunnel have said all: what the replica has not taken yet still goes.
            let isSaid = slot.its.hasEnded && slot.its.http2.hasEnd
            if slot.its.phase == .tunnelling, isSaid, closed.code == HTTP2Error.none { continue }
            if slot.its.phase == .closing { closeClient(slot) } else { clientGone(slot) }
        }
    }

    // The end of the connection.

    /// At the end of each turn in which something happened on the carrier.
    mutating func armSessionTimer(_ client: Ref<ClientConnection>) {
        guard let deadline = sessionDeadline(of: client) else {
            return wheel.cancel(client.its.timer)
        }
        wheel.set(client.its.timer, at: deadline.at)
    }

    private mutating func sessionDeadline(of client: Ref<ClientConnection>) -> SessionDeadline? {
        client.its.http2.clock.deadline(
            isBlocked: !client.its.output.isEmpty, isEmpty: client.its.http2.count == 0,
            hasServed: client.its.requestsServed > 0, limits: snapshot.limits)
    }

    mutating func sessionTimedOut(_ client: Ref<ClientConnection>) {
        guard let session = client.its.http2.session, let deadline = sessionDeadline(of: client)
        else { return }
        guard deadline.at <= now else { return armSessionTimer(client) }
        switch deadline.end {
        case .connection: closeClient(client)
        case .intake:
            client.its.http2.clock.begin(.lastStreams, at: now)
            session.endIntake()
            wantFlush(client)
        }
    }

    /// Draining: GOAWAY in two steps, so that a request on its way is served (RFC 9113 §6.8).
    mutating func beginEndingSession(_ client: Ref<ClientConnection>) {
        guard let session = client.its.http2.session, client.its.http2.clock.phase == .serving
        else { return }
        client.its.http2.clock.begin(.lastRequests, at: now)
        session.announceEnd()
        wantFlush(client)
    }

    /// The session is over: what it has said last is flushed, then the connection closes.
    mutating func endSession(_ client: Ref<ClientConnection>) {
        dropSession(of: client)
        guard client.its.isOpen else { return }
        client.its.mayStillSend = true
        beginClosing(client)
    }

    /// Ends all streams, which nobody can be told of any more.
    mutating func dropSession(of client: Ref<ClientConnection>) {
        guard let session = client.its.http2.session else { return }
        client.its.http2.session = nil
        while let slot = client.its.http2.first {
            slot.its.http2.stream = .none
            if slot.its.phase == .closing { closeClient(slot) } else { clientGone(slot) }
        }
        session.close()
    }
}
