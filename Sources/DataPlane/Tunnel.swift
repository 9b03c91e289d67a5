internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// Tunnels: a TCP connection to a replica, or an HTTP connection after its upgrade. Bytes pass both
/// ways with back-pressure, and the end of either direction passes on as such.
extension Worker {
    /// A client of a TCP listener: it gets a replica before a byte is read.
    mutating func beginTunnel(_ client: Ref<ClientConnection>, to target: Target) {
        client.its.phase = .tunnelling
        let exchange = makeExchange(client)
        exchange.its.kind = .tunnel
        client.its.exchange = exchange
        choosePool(exchange, target, nil)
        dispatch(exchange)
    }

    /// The replica has accepted: from now on bytes flow.
    mutating func openTunnel(_ exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream else { return }
        exchange.its.stage = .tunnelling
        endRelease(of: exchange)
        endTrial(of: exchange)
        tunnelCount += 1
        counters.replicas.add(
            1, row: upstream.its.replica.its.row, column: ReplicaColumn.tunnels.rawValue)
        upstream.its.phase = .tunnelling
        if !upstream.isStream {
            Socket.setKeepAlive(upstream.its.wire.descriptor, idleSeconds: 60)
        }
        if !exchange.its.client.isStream {
            Socket.setKeepAlive(exchange.its.client.its.wire.descriptor, idleSeconds: 60)
        }
        planTunnelEnd(of: exchange, on: upstream.its.replica)
        noteTunnelProgress(exchange)
        relayFromClient(exchange.its.client)
    }

    /// The replica agreed to another protocol (RFC 9110 §7.8). `head` begins with its 101.
    mutating func beginUpgrade(
        _ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>, head: Buffer, rest: Buffer
    ) {
        guard exchange.its.wantsUpgrade, exchange.its.requestBody.isComplete,
            !exchange.hasUnsentRequest, upstream.its.output.isEmpty
        else { return fail(exchange, .malformedResponse) }
        var out = assembly
        out.clear()
        var forwarding = ResponseForwarding(clientMinorVersion: 1)
        forwarding.keepsUpgrade = true
        forwarding.requestID = exchange.its.requestID
        var space = out.free
        guard
            let count = writeResponse(
                responseHead, from: head.bytes, forwarding: forwarding, into: &space)
        else { return fail(exchange, .responseHeadTooLarge) }
        out.commit(count)
        let client = exchange.its.client
        exchange.its.status = 101
        exchange.its.kind = .tunnel
        exchange.noteStatus(101)
        exchange.its.tunnel.isWebSocket = responseHead.upgradesToWebSocket(head.bytes)
        exchange.its.tunnel.follow(rest.bytes, from: .upstream)
        exchange.its.bytesToClient += UInt64(out.count + rest.count)
        client.its.phase = .tunnelling
        var failure: SendFailure?
        if client.isStream {
            failure = sendHead(out.bytes, body: .offered, to: client)
            if failure == nil { failure = send(rest.bytes, to: client) }
        } else {
            failure = client.its.output.send(
                out.bytes, rest.bytes, to: client.its.wire, store: &store)
        }
        if failure != nil {
            exchange.its.stage = .responding
            return fail(exchange, .clientClosed)
        }
        openTunnel(exchange)
        // What came behind the 101 raised its event already.
        if upstream.its.isOpen, upstream.its.isReadable { relayFromUpstream(upstream) }
    }

    mutating func relayFromClient(_ client: Ref<ClientConnection>) {
        guard let exchange = client.its.exchange, exchange.its.stage == .tunnelling,
            let upstream = exchange.its.upstream
        else { return noteWaitingClient(client) }
        var moved = 0
        while exchange.its.isOpen, !client.its.goesOnLater,
            client.its.isReadable || client.its.hasUnseenInput,
            exchange.its.tunnel.hasToldUpstream
                || upstream.its.output.count < DataPlaneLimits.tunnelQueueBytesMaximum
        {
            guard moved < DataPlaneLimits.turnBytesMaximum else {
                goOnLater(client)
                break
            }
            guard var received = nextTunnelInput(of: client) else { break }
            moved += received.count
            exchange.its.bytesFromClient += UInt64(received.count)
            let isBroken = relay(received, from: client, to: upstream, exchange)
            received.consume(received.count)
            keepInput(received, of: client)
            if isBroken { return endTunnel(exchange, .closedMidResponse) }
            noteTunnelProgress(exchange)
        }
        if exchange.its.isOpen { passEnds(exchange) }
    }

    /// - Returns: whether the replica takes no more.
    private mutating func relay(
        _ received: Buffer, from client: Ref<ClientConnection>,
        to upstream: Ref<UpstreamConnection>, _ exchange: Ref<Exchange>
    ) -> Bool {
        var part = received
        part.truncate(to: exchange.its.tunnel.follow(received.bytes, from: .client))
        countSent(part.count, to: upstream)
        let failure = part.isEmpty ? nil : sendQueued(part.bytes, to: upstream)
        if failure == nil { tellUpstream(exchange) }
        return failure != nil
    }

    /// A TCP client that is still waiting for its replica: nothing is read, but a reset is seen.
    /// Its FIN is not the end: it may want to hear what the replica has to say.
    private mutating func noteWaitingClient(_ client: Ref<ClientConnection>) {
        guard client.its.hasHangup, case .failed = client.its.wire.peek() else { return }
        clientGone(client)
    }

    private mutating func nextTunnelInput(of client: Ref<ClientConnection>) -> Buffer? {
        if client.its.hasUnseenInput, let input = client.its.input { return input }
        scratch.clear()
        let room = scratch.room
        switch client.its.wire.receive(into: &scratch) {
        case .bytes(let count):
            if client.its.wire.isDrained(by: count, of: room), !client.its.hasHangup {
                client.its.isReadable = false
            }
            return scratch
        case .wouldBlock: client.its.isReadable = false
        case .endOfStream:
            client.its.isReadable = false
            client.its.hasEnded = true
        case .failed:
            if let exchange = client.its.exchange { endTunnel(exchange, .clientClosed) }
        }
        return nil
    }

    mutating func relayFromUpstream(_ upstream: Ref<UpstreamConnection>) {
        guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
        let client = exchange.its.client
        var moved = 0
        while exchange.its.isOpen, !upstream.its.goesOnLater, upstream.its.isReadable {
            let limit =
                exchange.its.tunnel.hasToldClient ? scratch.capacity : tunnelRoom(for: client)
            guard limit > 0 else { break }
            guard moved < DataPlaneLimits.turnBytesMaximum else {
                goOnLater(upstream)
                break
            }
            scratch.clear()
            let room = min(limit, scratch.room)
            switch upstream.its.wire.receive(into: &scratch, atMost: room) {
            case .bytes(let count):
                if upstream.its.wire.isDrained(by: count, of: room), !upstream.its.hasHangup {
                    upstream.its.isReadable = false
                }
                moved += count
                relay(scratch, from: upstream, to: client, exchange)
            case .wouldBlock: upstream.its.isReadable = false
            case .endOfStream:
                guard !upstream.its.wire.isTruncated else {
                    return endTunnel(exchange, .closedMidResponse)
                }
                upstream.its.isReadable = false
                upstream.its.hasEnded = true
            case .failed: return endTunnel(exchange, .closedMidResponse)
            }
        }
        if exchange.its.isOpen { passEnds(exchange) }
    }

    mutating func relay(
        _ received: Buffer, from upstream: Ref<UpstreamConnection>,
        to client: Ref<ClientConnection>,
        _ exchange: Ref<Exchange>
    ) {
        if exchange.its.firstByteAt.nanoseconds == 0 { exchange.its.firstByteAt = now }
        countReceived(received.count, from: upstream)
        var part = received
        part.truncate(to: exchange.its.tunnel.follow(part.bytes, from: .upstream))
        exchange.its.bytesToClient += UInt64(part.count)
        if !part.isEmpty, send(part.bytes, to: client) != nil {
            return endTunnel(exchange, .clientClosed)
        }
        tellClient(exchange)
        noteTunnelProgress(exchange)
    }

    mutating func clientTunnelWritable(_ client: Ref<ClientConnection>) {
        guard let exchange = client.its.exchange, let upstream = exchange.its.upstream,
            exchange.its.stage == .tunnelling
        else { return }
        noteTunnelProgress(exchange)
        if upstream.isStream { returnCredit(of: upstream) }
        if client.isStream, upstream.its.isReadable { return goOnLater(upstream) }
        relayFromUpstream(upstream)
    }

    mutating func upstreamTunnelWritable(_ upstream: Ref<UpstreamConnection>) {
        guard let exchange = upstream.its.exchange else { return }
        if !upstream.its.output.isEmpty, !upstream.isStream {
            guard upstream.its.output.flush(to: upstream.its.wire, store: &store) == nil
            else { return endTunnel(exchange, .closedMidResponse) }
        }
        noteTunnelProgress(exchange)
        let client = exchange.its.client
        if upstream.isStream, client.its.isReadable { return goOnLater(client) }
        relayFromClient(client)
    }

    /// Once a side has sent FIN and its bytes are delivered, the other side is sent FIN; once both
    /// have, the tunnel is over.
    mutating func passEnds(_ exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream else { return }
        guard !exchange.its.tunnel.isEnding else { return passLastEnds(exchange, upstream) }
        let client = exchange.its.client
        if client.its.hasEnded, !client.its.hasUnseenInput, upstream.its.output.isEmpty {
            passClientEnd(exchange, to: upstream)
        }
        if upstream.its.hasEnded, client.its.output.isEmpty { passUpstreamEnd(exchange) }
        if exchange.its.tunnel.hasPassedClientEnd, exchange.its.tunnel.hasPassedUpstreamEnd {
            endTunnel(exchange, nil)
        }
    }

    mutating func passClientEnd(_ exchange: Ref<Exchange>, to upstream: Ref<UpstreamConnection>) {
        guard !exchange.its.tunnel.hasPassedClientEnd else { return }
        if upstream.isStream {
            endRequest(on: upstream)
        } else {
            // Again when the socket takes bytes.
            guard upstream.its.wire.shutdownWrite() else { return }
        }
        exchange.its.tunnel.hasPassedClientEnd = true
    }

    mutating func passUpstreamEnd(_ exchange: Ref<Exchange>) {
        guard !exchange.its.tunnel.hasPassedUpstreamEnd else { return }
        let client = exchange.its.client
        if client.isStream {
            _ = sendEnd(to: client)
        } else {
            client.its.owesEnd = !client.its.wire.shutdownWrite()
            guard !client.its.owesEnd else { return }
        }
        exchange.its.tunnel.hasPassedUpstreamEnd = true
    }

    /// Something moved: the tunnel may be idle from now on for its time, but not past its end.
    mutating func noteTunnelProgress(_ exchange: Ref<Exchange>) {
        guard !exchange.its.tunnel.isEnding, exchange.its.isOpen else { return }
        let limit = exchange.its.pool?.its.pool.settings.tunnelIdleTimeoutMilliseconds ?? 0
        let end = Instant(nanoseconds: exchange.its.tunnel.endsAtNanoseconds)
        let idle = limit > 0 ? now.adding(milliseconds: limit) : Instant(nanoseconds: .max)
        let next = min(idle, end)
        guard next.nanoseconds < .max else { return wheel.cancel(exchange.its.timer) }
        wheel.set(exchange.its.timer, at: next)
    }

    /// Ends both sides: nil is a good end, a reason makes it a reset.
    mutating func endTunnel(_ exchange: Ref<Exchange>, _ reason: FailureReason?) {
        if exchange.its.tunnel.isEnding { return finishTunnelEnd(exchange) }
        if let reason {
            exchange.its.upstream?.its.wire.resetOnClose()
            return fail(exchange, reason)
        }
        let client = exchange.its.client
        endExchange(exchange)
        client.its.exchange = nil
        if client.isStream { beginClosing(client) } else { closeClient(client) }
    }
}
