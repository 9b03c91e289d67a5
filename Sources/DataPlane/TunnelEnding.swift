internal import Balancing
internal import HTTP
internal import Transport

/// The tunnels of a replica that is being drained: each is ended at a moment of its own, politely
/// and in bounded time.
extension Worker {
    /// The snapshot says something new about when the tunnels of a replica end: they are spread
    /// evenly over the time there is, between those of the other workers.
    mutating func planTunnelEnds(of replica: Ref<UpstreamReplica>) {
        replica.its.hasNewTunnelEnd = false
        let tunnels = runningTunnels(of: replica)
        for (position, exchange) in tunnels.enumerated() {
            let place = Double(position) + (Double(index) + 0.5) / Double(links.board.workers)
            exchange.its.tunnel.endsAtNanoseconds = moment(
                in: replica.its.tunnelEnd, fraction: place / Double(tunnels.count))
            noteTunnelProgress(exchange)
        }
    }

    /// A tunnel that opens on a replica whose end is decided: at random, for there is no order.
    mutating func planTunnelEnd(of exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>) {
        guard let end = replica.its.tunnelEnd else { return }
        let fraction = Double(random.next() >> 11) / Double(1 << 53)
        exchange.its.tunnel.endsAtNanoseconds = moment(in: end, fraction: fraction)
    }

    private mutating func runningTunnels(of replica: Ref<UpstreamReplica>) -> [Ref<Exchange>] {
        var found: [Ref<Exchange>] = []
        var next = replica.its.firstConnection
        while let upstream = next {
            next = upstream.its.next
            if upstream.its.http2.isCarrier { found += runningTunnels(on: upstream) }
            guard upstream.its.phase == .tunnelling, let exchange = upstream.its.exchange,
                !exchange.its.tunnel.isEnding
            else { continue }
            found.append(exchange)
        }
        return found
    }

    private mutating func runningTunnels(
        on carrier: Ref<UpstreamConnection>
    ) -> [Ref<Exchange>] {
        streams(of: carrier).compactMap { slot in
            guard slot.its.phase == .tunnelling, let exchange = slot.its.exchange,
                !exchange.its.tunnel.isEnding
            else { return nil }
            return exchange
        }
    }

    private mutating func moment(in end: TunnelEnd?, fraction: Double) -> UInt64 {
        guard let end else { return TunnelState.never }
        return end.at &+ UInt64(Double(end.spreadNanoseconds) * fraction)
    }

    mutating func tunnelTimedOut(_ exchange: Ref<Exchange>) {
        if exchange.its.tunnel.isEnding {
            finishTunnelEnd(exchange)
        } else if exchange.its.tunnel.endsAtNanoseconds <= now.nanoseconds {
            beginTunnelEnd(exchange)
        } else {
            endTunnel(exchange, nil)
        }
    }

    /// Its moment has come. Both sides are told, and have a while to finish.
    private mutating func beginTunnelEnd(_ exchange: Ref<Exchange>) {
        exchange.its.tunnel.end()
        wheel.set(
            exchange.its.timer,
            at: now.adding(milliseconds: DataPlaneLimits.tunnelEndMilliseconds))
        tellUpstream(exchange)
        tellClient(exchange)
        // What has come and not been passed on for want of room is thrown away now.
        if let upstream = exchange.its.upstream { relayFromUpstream(upstream) }
        if exchange.its.isOpen { relayFromClient(exchange.its.client) }
    }

    mutating func tellClient(_ exchange: Ref<Exchange>) {
        guard exchange.its.tunnel.tellClient() == .closeFrame else { return }
        let client = exchange.its.client
        let frame = GoingAwayFrame()
        // A client that is gone is noticed when its connection is read.
        _ = send(frame.bytes, to: client)
    }

    mutating func tellUpstream(_ exchange: Ref<Exchange>) {
        guard exchange.its.tunnel.tellUpstream() == .closeFrame,
            let upstream = exchange.its.upstream
        else { return }
        let frame = GoingAwayFrame(maskedWith: UInt32(truncatingIfNeeded: random.next()))
        _ = sendQueued(frame.bytes, to: upstream)
    }

    /// Both sides have been told, and their last bytes are with the kernel: FIN follows. For a
    /// WebSocket it waits until they have answered, as its closing handshake wants it.
    mutating func passLastEnds(_ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>) {
        let client = exchange.its.client
        let hasAnswers = exchange.its.tunnel.hasAnswers(
            clientEnded: client.its.hasEnded, upstreamEnded: upstream.its.hasEnded)
        guard !exchange.its.tunnel.isWebSocket || hasAnswers else { return }
        if exchange.its.tunnel.hasToldUpstream, upstream.its.output.isEmpty {
            passClientEnd(exchange, to: upstream)
        }
        if exchange.its.tunnel.hasToldClient, client.its.output.isEmpty {
            passUpstreamEnd(exchange)
        }
        guard exchange.its.tunnel.hasPassedClientEnd, exchange.its.tunnel.hasPassedUpstreamEnd
        else { return }
        if hasAnswers { finishTunnelEnd(exchange) }
    }

    /// All is said, or time is up. Whoever got less than what was on its way is sent a reset.
    mutating func finishTunnelEnd(_ exchange: Ref<Exchange>) {
        let client = exchange.its.client
        let isWhole = exchange.its.tunnel.hasToldClient && client.its.output.isEmpty
        if let upstream = exchange.its.upstream,
            !exchange.its.tunnel.hasToldUpstream || !upstream.its.output.isEmpty
        {
            upstream.its.wire.resetOnClose()
        }
        exchange.its.failure = .drained
        endExchange(exchange)
        client.its.exchange = nil
        guard isWhole else {
            client.its.wire.resetOnClose()
            return closeClient(client)
        }
        // It is read until its own end, so that no reset overtakes what it was sent.
        client.its.mayStillSend = true
        beginClosing(client)
    }
}
