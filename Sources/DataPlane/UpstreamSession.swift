internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The upstream codec for HTTP/2: one connection to a replica carries many exchanges.
extension Worker {
    /// Gives the exchange a stream: of a connection that has room, or of a new one.
    mutating func attemptStream(_ exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>) {
        guard let carrier = carrierWithRoom(of: replica, for: exchange) else {
            exchange.its.isOnReusedConnection = false
            exchange.its.stage = .connecting
            return connect(exchange, to: replica)
        }
        let upstream = makeStream(on: carrier)
        bind(exchange, to: upstream)
        guard carrier.its.phase == .multiplexing else {
            exchange.its.isOnReusedConnection = false
            exchange.its.stage = .connecting
            upstream.its.phase = .connecting
            return
        }
        // A second one that dies was not stale.
        exchange.its.isOnReusedConnection = !exchange.its.hasRetriedAfterSending
        exchange.its.connectedCount += 1
        exchange.noteReused()
        start(exchange, on: upstream, of: carrier)
    }

    /// Sends the request, unless it has to wait for what the replica allows: how many streams, and
    /// whether it knows how to change the protocol of one (RFC 8441 §3).
    private mutating func start(
        _ exchange: Ref<Exchange>, on upstream: Ref<UpstreamConnection>,
        of carrier: Ref<UpstreamConnection>
    ) {
        let isKnown = carrier.hasSettings
        if !isKnown, exchange.needsTunnel || !mayStartEarly(carrier) {
            return waitForSettings(exchange, of: carrier, on: upstream)
        }
        if exchange.needsTunnel, carrier.its.http2.session?.takesTunnels == false {
            return fail(exchange, .upgradeRefused)
        }
        startNow(exchange, on: upstream)
    }

    private mutating func startNow(_ exchange: Ref<Exchange>, on upstream: Ref<UpstreamConnection>)
    {
        upstream.its.phase = .busy
        sendRequest(exchange)
    }

    /// What is sent on a new connection before its SETTINGS may be more than the replica allows,
    /// and be refused. So it is only the first request, or as many as it allowed the last time.
    private mutating func mayStartEarly(_ carrier: Ref<UpstreamConnection>) -> Bool {
        carrier.its.replica.its.streamsAllowed > 0 || carrier.its.http2.session?.streamCount == 0
    }

    private mutating func waitForSettings(
        _ exchange: Ref<Exchange>, of carrier: Ref<UpstreamConnection>,
        on upstream: Ref<UpstreamConnection>
    ) {
        exchange.its.stage = .connecting
        upstream.its.phase = .connecting
        let settings = carrier.its.replica.its.pool.its.pool.settings
        wheel.set(
            exchange.its.timer, at: now.adding(milliseconds: settings.connectTimeoutMilliseconds))
    }

    /// The replica does not say what it allows.
    mutating func settingsTimedOut(_ exchange: Ref<Exchange>, on upstream: Ref<UpstreamConnection>)
    {
        guard upstream.its.http2.carrier?.its.phase == .multiplexing else { return }
        guard exchange.needsTunnel else { return startNow(exchange, on: upstream) }
        connectFailed(exchange, upstream.its.replica, code: ConnectError.timedOut)
    }

    /// The replica has said what it takes. Of those who have waited for that as many begin as it
    /// allows, and the others go onto other connections.
    private mutating func settle(_ carrier: Ref<UpstreamConnection>) {
        let replica = carrier.its.replica
        noteTunnels(of: carrier)
        replica.its.streamsAllowed = streamsMaximum(of: carrier)
        let room = carrier.takesStreams ? replica.its.streamsAllowed : 0
        for slot in streams(of: carrier).reversed() {
            guard slot.its.isOpen, slot.its.phase == .connecting, let exchange = slot.its.exchange
            else { continue }
            let begun = carrier.its.http2.session?.streamCount ?? 0
            if begun < room {
                start(exchange, on: slot, of: carrier)
            } else {
                detach(exchange, slot)
                closeUpstream(slot)
                wheel.cancel(exchange.its.timer)
                exchange.its.connectedCount -= 1
                attemptAgain(exchange, on: replica)
            }
        }
    }

    private mutating func carrierWithRoom(
        of replica: Ref<UpstreamReplica>, for exchange: Ref<Exchange>
    ) -> Ref<UpstreamConnection>? {
        var next = replica.its.firstConnection
        while let carrier = next {
            next = carrier.its.next
            guard carrier.its.http2.isCarrier, carrier.takesStreams,
                // One that has nothing more to say here may not be over for the replica.
                max(carrier.its.http2.count, carrier.its.http2.session?.streamCount ?? 0)
                    < streamsMaximum(of: carrier)
            else { continue }
            guard isFresh(carrier, for: exchange) else { continue }
            return carrier
        }
        return nil
    }

    /// As many as the replica allows; until it has said so, as many as the last time, or as one
    /// should allow (RFC 9113 §6.5.2). Where none is allowed, one waits until it is.
    private mutating func streamsMaximum(of carrier: Ref<UpstreamConnection>) -> Int {
        guard let session = carrier.its.http2.session, carrier.hasSettings else {
            let former = carrier.its.replica.its.streamsAllowed
            return former > 0 ? former : 100
        }
        return max(1, min(session.remoteStreamsMaximum, DataPlaneLimits.streamsPerUpstreamMaximum))
    }

    /// What there would be no second try for does not go onto a connection that is seen to end.
    private mutating func isFresh(
        _ carrier: Ref<UpstreamConnection>, for exchange: Ref<Exchange>
    ) -> Bool {
        guard carrier.its.phase == .multiplexing else { return true }
        guard carrier.its.http2.session?.hasGoneAway == false else { return false }
        let age = now.milliseconds(since: carrier.its.http2.openedAt)
        if age > DataPlaneLimits.sessionAgeMilliseconds
            || carrier.its.requestsServed >= DataPlaneLimits.streamsPerSessionMaximum
        {
            carrier.its.http2.isEnding = true
            if carrier.its.http2.count == 0 { endCarrier(carrier) }
            return false
        }
        guard carrier.its.http2.count == 0, !exchange.its.isIdempotent else { return true }
        // What is there and has not been read may be its end as well (GOAWAY, close_notify).
        return carrier.its.wire.descriptor.peek() == .wouldBlock
    }

    /// A slot for a stream of the carrier.
    mutating func makeStream(on carrier: Ref<UpstreamConnection>) -> Ref<UpstreamConnection> {
        let slot = upstreams.make()
        slot.its = UpstreamConnection(isOpen: true, replica: carrier.its.replica)
        slot.its.http2.carrier = carrier
        slot.its.http2.next = carrier.its.http2.first
        carrier.its.http2.first?.its.http2.previous = slot
        carrier.its.http2.first = slot
        carrier.its.http2.count += 1
        upstreamStreamCount += 1
        carrier.its.requestsServed += 1
        if carrier.its.phase == .multiplexing { wheel.cancel(carrier.its.timer) }
        return slot
    }

    /// The connect of a carrier has ended; all who wait for it go on, or elsewhere.
    mutating func carrierConnectEnded(_ carrier: Ref<UpstreamConnection>) {
        let code = carrier.its.wire.descriptor.pendingError()
        guard code == 0 else { return carrierFailed(carrier, code: code) }
        if carrier.its.replica.its.pool.its.tls != nil {
            beginHandshake(carrier)
        } else {
            carrierConnected(carrier)
        }
    }

    mutating func carrierConnected(_ carrier: Ref<UpstreamConnection>) {
        wheel.cancel(carrier.its.timer)
        var settings = HTTP2Settings()
        settings.streamWindowBytes = DataPlaneLimits.upstreamWindowBytes
        settings.connectionWindowBytes = DataPlaneLimits.upstreamConnectionWindowBytes
        settings.headerListBytesMaximum = responseLimits.headBytesMaximum
        guard let session = HTTP2Session.client(settings, keyBits: random.next()) else {
            return carrierFailed(carrier, code: 12)
        }
        carrier.its.http2.session = session
        carrier.its.http2.openedAt = now
        carrier.its.idleSince = now
        carrier.its.phase = .multiplexing
        carrier.its.hasUserTimeout = true
        Socket.setUserTimeout(
            carrier.its.wire.descriptor, milliseconds: DataPlaneLimits.userTimeoutMilliseconds)
        wantFlush(carrier)
        for slot in streams(of: carrier).reversed() {
            guard slot.its.isOpen, let exchange = slot.its.exchange else { continue }
            exchange.its.connectedCount += 1
            exchange.noteConnected(at: now)
            start(exchange, on: slot, of: carrier)
        }
        if carrier.its.isOpen, carrier.its.http2.count == 0 { rest(carrier) }
    }

    mutating func carrierFailed(_ carrier: Ref<UpstreamConnection>, code: Int32) {
        carrier.its.http2.isEnding = true
        for slot in streams(of: carrier) {
            guard slot.its.isOpen, let exchange = slot.its.exchange else { continue }
            connectFailed(exchange, carrier.its.replica, code: code)
        }
        closeUpstream(carrier)
    }

    mutating func streams(of carrier: Ref<UpstreamConnection>) -> [Ref<UpstreamConnection>] {
        var found: [Ref<UpstreamConnection>] = []
        var next = carrier.its.http2.first
        while let slot = next {
            found.append(slot)
            next = slot.its.http2.next
        }
        return found
    }

    // What comes.

    mutating func receiveSession(_ carrier: Ref<UpstreamConnection>) {
        var moved = 0
        while carrier.its.isOpen, carrier.its.phase == .multiplexing, carrier.its.isReadable {
            guard moved < DataPlaneLimits.turnBytesMaximum else { return goOnLater(carrier) }
            var buffer = upstreamInput
            buffer.clear()
            let room = buffer.room
            switch carrier.its.wire.receive(into: &buffer) {
            case .bytes(let count):
                if carrier.its.wire.isDrained(by: count, of: room), !carrier.its.hasHangup {
                    carrier.its.isReadable = false
                }
                moved += count
                noteLife(of: carrier)
                feedSession(carrier, buffer)
            case .wouldBlock: carrier.its.isReadable = false
            case .endOfStream, .failed:
                carrier.its.isReadable = false
                carrier.its.hasEnded = true
                carrierLost(carrier)
            }
        }
    }

    private mutating func feedSession(
        _ carrier: Ref<UpstreamConnection>, _ received: Buffer
    ) {
        var rest = received
        wantFlush(carrier)
        while let session = carrier.its.http2.session, !rest.isEmpty {
            let result = session.receive(rest.bytes, atMilliseconds: UInt64(now.milliseconds))
            var part = rest
            rest.consume(result.consumed)
            part.truncate(to: result.consumed)
            serve(result.event, on: carrier, session, part)
            endClosedStreams(of: carrier)
        }
    }

    private mutating func serve(
        _ event: HTTP2Event, on carrier: Ref<UpstreamConnection>, _ session: HTTP2Session,
        _ received: Buffer
    ) {
        switch event {
        case .response(let user, let ends):
            var text = upstreamHead
            text.clear()
            text.append(session.head)
            receiveStreamHead(Ref(bits: user), text, ends: ends)
        case .largeResponse(let user):
            let slot = Ref<UpstreamConnection>(bits: user)
            if let exchange = slot.its.exchange { fail(exchange, .responseHeadTooLarge) }
        case .data(let user, let range, let ends):
            var data = received
            data.consume(range.lowerBound)
            data.truncate(to: range.count)
            receiveResponseData(Ref(bits: user), data, ends: ends)
        case .trailers(let user):
            receiveStreamTrailers(session, of: Ref(bits: user))
        case .goingAway: carrier.its.http2.isEnding = true
        case .settings: settle(carrier)
        case .nothing, .request, .largeRequest: break
        }
    }

    /// Streams that are over for the session before their exchange is.
    mutating func endClosedStreams(of carrier: Ref<UpstreamConnection>) {
        while let session = carrier.its.http2.session, let closed = session.nextClosed() {
            let slot = Ref<UpstreamConnection>(bits: closed.user)
            slot.its.http2.stream = .none
            guard let exchange = slot.its.exchange else {
                closeUpstream(slot)
                continue
            }
            if slot.its.phase == .tunnelling {
                endTunnelStream(exchange, slot, closed.code)
            } else if closed.isResetHere {
                fail(exchange, .malformedResponse)
            } else if exchange.its.firstByteAt.nanoseconds != 0 {
                upstreamBroken(slot)
            } else if closed.code == HTTP2Error.refusedStream {
                // The replica has done nothing with it (RFC 9113 §8.7).
                fail(exchange, .streamRefused)
            } else {
                observe(.closedBeforeResponse, slot.its.replica)
                fail(exchange, .streamReset)
            }
        }
    }

    // The end of the connection.

    /// The connection died under its streams.
    mutating func carrierLost(_ carrier: Ref<UpstreamConnection>) {
        carrier.its.http2.isEnding = true
        if carrier.its.http2.count == 0 {
            observe(.idleClosed, carrier.its.replica)
        }
        for slot in streams(of: carrier) {
            guard slot.its.isOpen else { continue }
            slot.its.http2.stream = .none
            if slot.its.phase == .tunnelling, let exchange = slot.its.exchange {
                endTunnel(exchange, .closedMidResponse)
            } else {
                upstreamBroken(slot)
            }
        }
        closeUpstream(carrier)
    }

    /// Weir has ended the connection for what the replica sent, which was the answer to the one
    /// request that was under way. Where there were more, that can be any; it was not stale.
    mutating func carrierRefused(_ carrier: Ref<UpstreamConnection>) {
        if carrier.its.http2.count == 1 { failStreams(of: carrier, .malformedResponse) }
        for slot in streams(of: carrier) { slot.its.exchange?.its.isOnReusedConnection = false }
        carrierLost(carrier)
    }

    /// Fails all that is under way on the carrier.
    mutating func failStreams(of carrier: Ref<UpstreamConnection>, _ reason: FailureReason) {
        carrier.its.http2.isEnding = true
        for slot in streams(of: carrier) {
            guard slot.its.isOpen, let exchange = slot.its.exchange else { continue }
            fail(exchange, reason)
        }
    }

    /// The last stream is gone: the carrier is kept for a while, unless it is to end.
    mutating func rest(_ carrier: Ref<UpstreamConnection>) {
        guard carrier.its.phase == .multiplexing else { return }
        let replica = carrier.its.replica
        let isWanted =
            (replica.its.availability == .ready || replica.its.availability == .lastResort)
            && !replica.its.isGone && !carrier.its.http2.isEnding
            && carrier.its.http2.session?.hasGoneAway == false
        guard isWanted else { return endCarrier(carrier) }
        if carrier.its.http2.isSuspected { return }
        let limit = replica.its.pool.its.pool.settings.idleTimeoutMilliseconds
        wheel.set(carrier.its.timer, at: now.adding(milliseconds: limit))
    }

    /// The session goes with its connection; whoever is on a stream still is told that it broke.
    mutating func dropSession(of carrier: Ref<UpstreamConnection>) {
        guard carrier.its.http2.isCarrier else { return }
        carrier.its.http2.isEnding = true
        let session = carrier.its.http2.session
        carrier.its.http2.session = nil
        for slot in streams(of: carrier) where slot.its.isOpen {
            slot.its.http2.stream = .none
            upstreamBroken(slot)
        }
        session?.close()
    }

    /// Says GOAWAY to the replica and closes; nothing is under way there.
    mutating func endCarrier(_ carrier: Ref<UpstreamConnection>) {
        carrier.its.http2.isEnding = true
        guard let session = carrier.its.http2.session else { return closeUpstream(carrier) }
        session.terminate(HTTP2Error.none)
        wantFlush(carrier)
    }
}
