internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The upstream codec for HTTP/1: bytes of a replica's connection to responses.
extension Worker {
    mutating func upstreamEvent(_ upstream: Ref<UpstreamConnection>, _ readiness: Readiness) {
        guard upstream.its.isOpen else { return }
        if !readiness.isDisjoint(with: [.readHangup, .hangup, .error]) {
            upstream.its.hasHangup = true
        }
        if upstream.its.phase == .connecting {
            guard !readiness.isDisjoint(with: [.writable, .hangup, .error]) else { return }
            connectEnded(upstream)
            guard upstream.its.isOpen else { return }
        } else if upstream.its.phase == .handshaking {
            continueHandshake(upstream)
            guard upstream.its.isOpen else { return }
        } else if readiness.contains(.writable) {
            upstreamWritable(upstream)
            guard upstream.its.isOpen else { return }
        }
        guard !readiness.isDisjoint(with: [.readable, .readHangup, .hangup, .error]) else { return }
        upstream.its.isReadable = true
        switch upstream.its.phase {
        case .connecting, .handshaking: break
        case .busy: receiveResponse(upstream)
        case .idle: idleEnded(upstream)
        case .tunnelling: relayFromUpstream(upstream)
        case .multiplexing: receiveSession(upstream)
        }
    }

    private mutating func upstreamWritable(_ upstream: Ref<UpstreamConnection>) {
        if upstream.its.phase == .multiplexing { return sessionWritable(upstream) }
        guard let exchange = upstream.its.exchange else { return }
        switch upstream.its.phase {
        case .busy where exchange.hasUnsentRequest || !upstream.its.output.isEmpty:
            pumpRequest(exchange)
            noteProgress(exchange)
        case .tunnelling: upstreamTunnelWritable(upstream)
        default: break
        }
    }

    /// An unused connection that becomes readable is at its end: FIN, reset, or bytes nobody asked
    /// for. Or the event was about bytes of the last response that were received meanwhile.
    private mutating func idleEnded(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.its.wire.peek() != .wouldBlock else {
            upstream.its.isReadable = false
            return
        }
        observe(.idleClosed, upstream.its.replica)
        upstream.its.replica.its.pool.its.idleLimit.noteClose(
            age: now.milliseconds(since: upstream.its.idleSince), now: now.milliseconds)
        closeUpstream(upstream)
    }

    mutating func upstreamTimedOut(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.its.isOpen else { return }
        switch upstream.its.phase {
        case .connecting where !upstream.isOnPresentTerms,
            .handshaking where !upstream.isOnPresentTerms:
            connectAgain(upstream)
        case .connecting where upstream.its.http2.isCarrier,
            .handshaking where upstream.its.http2.isCarrier:
            carrierFailed(upstream, code: ConnectError.timedOut)
        case .connecting, .handshaking:
            guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
            connectFailed(exchange, upstream.its.replica, code: ConnectError.timedOut)
        case .idle: closeUpstream(upstream)
        case .multiplexing where upstream.its.http2.isSuspected: carrierLost(upstream)
        case .multiplexing: if upstream.its.http2.count == 0 { endCarrier(upstream) }
        case .busy, .tunnelling: break
        }
    }

    /// Receives as long as there is something to receive and the client can be kept ahead of.
    mutating func receiveResponse(_ upstream: Ref<UpstreamConnection>) {
        var moved = 0
        while upstream.its.isOpen, !upstream.its.goesOnLater, upstream.its.phase == .busy,
            upstream.its.isReadable
        {
            guard let exchange = upstream.its.exchange else { return }
            let room = readAheadRoom(for: exchange)
            guard room > 0 else { return }
            guard moved < DataPlaneLimits.turnBytesMaximum else { return goOnLater(upstream) }
            guard let received = receive(from: upstream, atMost: room) else { return }
            moved += received.count
            if exchange.its.firstByteAt.nanoseconds == 0 { exchange.its.firstByteAt = now }
            countReceived(received.count, from: upstream)
            if exchange.its.stage == .responding {
                relayResponseBody(exchange, received)
            } else {
                receiveResponseHead(exchange, upstream, received)
            }
        }
    }

    mutating func countReceived(_ count: Int, from upstream: Ref<UpstreamConnection>) {
        counters.replicas.add(
            UInt64(count), row: upstream.its.replica.its.row,
            column: ReplicaColumn.bytesReceived.rawValue)
    }

    private mutating func receive(
        from upstream: Ref<UpstreamConnection>, atMost limit: Int
    ) -> Buffer? {
        var buffer = upstream.its.input ?? scratch
        if upstream.its.input == nil { buffer.clear() }
        let room = min(limit, buffer.room)
        switch upstream.its.wire.receive(into: &buffer, atMost: room) {
        case .bytes(let count):
            if upstream.its.wire.isDrained(by: count, of: room), !upstream.its.hasHangup {
                upstream.its.isReadable = false
            }
            return buffer
        case .wouldBlock:
            upstream.its.isReadable = false
            return nil
        case .endOfStream:
            upstream.its.hasEnded = true
            upstreamEnded(upstream)
            return nil
        case .failed:
            upstreamBroken(upstream)
            return nil
        }
    }

    mutating func receiveResponseHead(
        _ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>, _ received: Buffer
    ) {
        var received = received
        // From here on the bytes are ours: the connection may be at work again before we return.
        var own = upstream.its.input
        upstream.its.input = nil
        defer { if let own { store.give(own) } }
        while exchange.its.isOpen, exchange.its.stage == .awaitingResponse, !received.isEmpty {
            let head = received
            do {
                guard try responseHead.parse(head.bytes, limits: responseLimits) else {
                    keepPartialResponseHead(upstream, head, &own)
                    return
                }
            } catch {
                fail(exchange, error == .headTooLarge ? .responseHeadTooLarge : .malformedResponse)
                return
            }
            received.consume(responseHead.byteCount)
            // Nothing follows but interim responses: what is behind the others is theirs, or the
            // connection is no longer this exchange's.
            if responseHead.status == 101 {
                return beginUpgrade(exchange, upstream, head: head, rest: received)
            } else if responseHead.status < 200 {
                forwardInterim(exchange, head)
            } else if isToBeRetried(exchange, status: responseHead.status) {
                exchange.noteStatus(responseHead.status)
                return fail(exchange, .retriedStatus)
            } else {
                return beginResponse(exchange, upstream, head: head, rest: received)
            }
        }
    }

    private mutating func keepPartialResponseHead(
        _ upstream: Ref<UpstreamConnection>, _ received: Buffer, _ own: inout Buffer?
    ) {
        if own != nil {
            var kept = received
            kept.compact()
            upstream.its.input = kept
            own = nil
            return
        }
        guard var fresh = store.take(atLeast: BufferStore.largeBytes) else {
            if let exchange = upstream.its.exchange { fail(exchange, .buffersExhausted) }
            return
        }
        fresh.append(received.bytes)
        upstream.its.input = fresh
    }

    mutating func upstreamEnded(_ upstream: Ref<UpstreamConnection>) {
        guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
        if exchange.its.stage == .responding, exchange.its.responseBody.kind == .untilClose,
            !upstream.its.wire.isTruncated
        {
            exchange.its.responseBody.end()
            finishUntilClose(exchange)
        } else {
            upstreamBroken(upstream)
        }
    }

    /// The connection died under its exchange.
    mutating func upstreamBroken(_ upstream: Ref<UpstreamConnection>) {
        guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
        if exchange.its.stage == .responding || exchange.its.firstByteAt.nanoseconds != 0 {
            fail(exchange, .closedMidResponse)
        } else {
            observe(.closedBeforeResponse, upstream.its.replica)
            fail(exchange, .closedBeforeHeaders)
        }
    }
}
