internal import Balancing
internal import HTTP
internal import Transport

/// What a replica is spoken to in, where that is for the replica to choose (ALPN).
///
/// Whatever was expected of a connection, what its handshake yields counts: a connection that one
/// exchange waits for becomes a carrier, and of those who wait for streams of what becomes no
/// carrier the first gets the connection and the others one each. Nothing has been sent by then.
extension Worker {
    /// Replicas that have not been asked yet are expected to speak HTTP/2: all that come meanwhile
    /// wait for one handshake. What asks for another protocol goes by streams only where those are
    /// known to take it.
    @inline(__always)
    mutating func goesByStream(
        _ exchange: Ref<Exchange>, to replica: Ref<UpstreamReplica>
    ) -> Bool {
        guard replica.its.codec != .http1 else { return false }
        return !exchange.needsTunnel || replica.its.takesTunnels
    }

    mutating func adoptProtocol(of pool: Ref<UpstreamPool>, _ former: UpstreamProtocol) {
        let present = pool.its.pool.settings.upstreamProtocol
        for replica in pool.its.replicas {
            if present != former { renewTerms(of: replica) }
            switch present {
            case .http1: replica.its.codec = .http1
            case .http2:
                replica.its.codec = .http2
                replica.its.takesTunnels = true
            case .negotiated where former != .negotiated:
                replica.its.codec = .unknown
                replica.its.takesTunnels = false
            case .negotiated: break
            }
        }
    }

    private mutating func isNegotiated(_ upstream: Ref<UpstreamConnection>) -> Bool {
        upstream.its.replica.its.pool.its.pool.settings.upstreamProtocol == .negotiated
    }

    /// A tunnel's bytes are whatever they are, and what asks for another protocol does so in
    /// HTTP/1.1: neither may end up in HTTP/2.
    mutating func limitOffer(on upstream: Ref<UpstreamConnection>) {
        guard isNegotiated(upstream), let exchange = upstream.its.exchange else { return }
        if exchange.its.kind == .tunnel {
            upstream.its.wire.offerNothing()
        } else if exchange.needsTunnel {
            upstream.its.wire.offerHTTP1()
        }
    }

    /// Whether the handshake has yielded what can be spoken.
    mutating func fits(_ upstream: Ref<UpstreamConnection>) -> Bool {
        guard upstream.its.http2.isCarrier, !isNegotiated(upstream) else { return true }
        return upstream.its.wire.hasAgreedOnHTTP2
    }

    /// The replica speaks HTTP/2 alone, and has not said that its streams can become tunnels. That
    /// is no fault of it.
    mutating func isRefusedUpgrade(
        _ failure: TLSFailure, on upstream: Ref<UpstreamConnection>
    ) -> Bool {
        guard failure == .noCommonProtocol, let exchange = upstream.its.exchange else {
            return false
        }
        return exchange.its.kind == .http && exchange.needsTunnel && isNegotiated(upstream)
    }

    /// The handshake is over: goes on in what was agreed on.
    mutating func followAgreement(_ upstream: Ref<UpstreamConnection>) {
        guard isNegotiated(upstream), upstream.its.exchange?.its.kind != .tunnel else {
            return beginWork(on: upstream)
        }
        let replica = upstream.its.replica
        let isHTTP2 = upstream.its.wire.hasAgreedOnHTTP2
        // That it speaks HTTP/1.1 where nothing else was offered says nothing.
        if upstream.its.exchange?.needsTunnel != true {
            replica.its.codec = isHTTP2 ? .http2 : .http1
        }
        switch (upstream.its.http2.isCarrier, isHTTP2) {
        case (true, false): becomeConnection(upstream)
        case (false, true): becomeCarrier(upstream)
        case (true, true), (false, false): beginWork(on: upstream)
        }
    }

    private mutating func beginWork(on upstream: Ref<UpstreamConnection>) {
        if let exchange = upstream.its.exchange {
            beginWork(exchange, on: upstream)
        } else {
            carrierConnected(upstream)
        }
    }

    /// The one exchange that waits for it goes onto a stream of it.
    private mutating func becomeCarrier(_ upstream: Ref<UpstreamConnection>) {
        guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
        detach(exchange, upstream)
        upstream.its.http2.isCarrier = true
        let stream = makeStream(on: upstream)
        bind(exchange, to: stream)
        stream.its.phase = .connecting
        carrierConnected(upstream)
    }

    /// Those who wait for streams of it get connections, the first this one.
    private mutating func becomeConnection(_ upstream: Ref<UpstreamConnection>) {
        let replica = upstream.its.replica
        let waiting = takeWaiting(from: upstream)
        upstream.its.http2 = UpstreamStream()
        upstream.its.requestsServed = 0
        guard let first = waiting.first else { return closeUpstream(upstream) }
        bind(first, to: upstream)
        beginWork(first, on: upstream)
        for exchange in waiting.dropFirst() { attemptAgain(exchange, on: replica) }
    }

    /// The SETTINGS of a replica say whether its streams can become tunnels.
    mutating func noteTunnels(of carrier: Ref<UpstreamConnection>) {
        guard isNegotiated(carrier), let session = carrier.its.http2.session else { return }
        carrier.its.replica.its.takesTunnels = session.takesTunnels == true
    }
}
