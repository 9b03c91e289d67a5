internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// One exchange on its stream to a replica.
extension Worker {
    // The request.

    /// Sends bytes of the request as the exchange keeps it: by the socket, or by its stream, which
    /// takes all of them.
    mutating func send(
        _ bytes: Span<UInt8>, of exchange: Ref<Exchange>, to upstream: Ref<UpstreamConnection>
    ) -> TransferResult {
        guard upstream.isStream else { return upstream.its.wire.send(bytes) }
        var rest = bytes
        if !upstream.its.http2.hasHead {
            guard beginStream(exchange, upstream) else { return .failed(0) }
            rest = bytes.extracting(exchange.its.headBytes...)
        }
        return sendBody(rest, to: upstream) == nil ? .bytes(bytes.count) : .failed(0)
    }

    /// Sends bytes of a body or a tunnel, and queues what is not taken at once.
    mutating func sendQueued(
        _ bytes: Span<UInt8>, to upstream: Ref<UpstreamConnection>
    ) -> SendFailure? {
        guard upstream.isStream else {
            return upstream.its.output.send(bytes, to: upstream.its.wire, store: &store)
        }
        return sendBody(bytes, to: upstream)
    }

    private mutating func beginStream(
        _ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>
    ) -> Bool {
        guard let carrier = upstream.its.http2.carrier, let session = carrier.its.http2.session,
            let request = exchange.its.request
        else { return false }
        let start = exchange.its.hostBytes
        let head = request.bytes.extracting(start..<start + exchange.its.headBytes)
        let hasBody = exchange.its.requestFraming != .none
        let stream = session.request(
            head, scheme: carrier.its.wire.isTLS ? .https : .http, body: hasBody ? .offered : .none,
            upgrade: exchange.needsTunnel ? .passed : .ignored, user: upstream.bits)
        guard stream != .none else {
            carrier.its.http2.isEnding = true
            return false
        }
        upstream.its.http2.stream = stream
        upstream.its.http2.hasHead = true
        upstream.its.http2.body.begin(exchange.its.requestFraming, output: .dataAndTrailers)
        upstream.its.http2.hasEnd = !hasBody && !exchange.needsTunnel
        wantFlush(carrier)
        return true
    }

    /// Puts what the bytes of a body mean into the queue of the stream; a tunnel's mean themselves.
    private mutating func sendBody(
        _ bytes: Span<UInt8>, to upstream: Ref<UpstreamConnection>
    ) -> SendFailure? {
        guard upstream.its.phase != .tunnelling else { return queue(bytes, on: upstream) }
        var offset = 0
        while offset < bytes.count {
            let count = min(bytes.count - offset, BufferStore.largeBytes)
            var piece = assembly
            piece.clear()
            piece.append(bytes.extracting(offset..<offset + count))
            offset += count
            if let failure = sendPiece(piece, to: upstream) { return failure }
        }
        return nil
    }

    private mutating func sendPiece(
        _ piece: Buffer, to upstream: Ref<UpstreamConnection>
    ) -> SendFailure? {
        var data = piece
        do {
            var span = piece.mutablePrefix(piece.count)
            let taken = try upstream.its.http2.body.take(&span)
            var lines = piece
            lines.truncate(to: taken.kept)
            lines.consume(taken.kept - taken.trailers)
            guard keep(lines.bytes, in: &upstream.its.http2.trailers) else { return .noBuffers }
            data.truncate(to: taken.kept - taken.trailers)
        } catch {
            // The exchange has checked these bytes before.
            return .broken(0)
        }
        if let failure = queue(data.bytes, on: upstream) { return failure }
        if upstream.its.http2.body.isComplete { endRequest(on: upstream) }
        return nil
    }

    private mutating func queue(
        _ bytes: Span<UInt8>, on upstream: Ref<UpstreamConnection>
    ) -> SendFailure? {
        guard bytes.count > 0 else { return nil }
        guard let carrier = upstream.its.http2.carrier, let session = carrier.its.http2.session,
            upstream.its.http2.stream != .none
        else { return .broken(0) }
        guard upstream.its.output.append(bytes, store: &store) else { return .noBuffers }
        session.offer(upstream.its.http2.stream, bytes.count)
        wantFlush(carrier)
        return nil
    }

    /// The request is over; its trailers go with its end.
    mutating func endRequest(on upstream: Ref<UpstreamConnection>) {
        guard let carrier = upstream.its.http2.carrier, let session = carrier.its.http2.session,
            !upstream.its.http2.hasEnd
        else { return }
        upstream.its.http2.hasEnd = true
        if let trailers = upstream.its.http2.trailers {
            session.end(upstream.its.http2.stream, trailers: trailers.bytes)
            drop(&upstream.its.http2.trailers)
        } else {
            session.end(upstream.its.http2.stream)
        }
        wantFlush(carrier)
    }

    // The response.

    mutating func receiveStreamHead(
        _ upstream: Ref<UpstreamConnection>, _ text: Buffer, ends: Bool
    ) {
        guard let exchange = upstream.its.exchange else { return }
        if exchange.its.firstByteAt.nanoseconds == 0 { exchange.its.firstByteAt = now }
        countReceived(text.count, from: upstream)
        receiveResponseHead(exchange, upstream, text)
        if ends { endResponse(on: upstream, of: exchange) }
    }

    mutating func receiveResponseData(
        _ upstream: Ref<UpstreamConnection>, _ data: Buffer, ends: Bool
    ) {
        guard let exchange = upstream.its.exchange else { return }
        upstream.its.http2.unreturned += data.count
        if !data.isEmpty {
            countReceived(data.count, from: upstream)
            switch upstream.its.phase {
            case .tunnelling: relay(data, from: upstream, to: exchange.its.client, exchange)
            default: relayResponseBody(exchange, data)
            }
            returnCredit(of: upstream)
        }
        if ends { endResponse(on: upstream, of: exchange) }
    }

    /// They go to the client behind the body, if it can know them.
    mutating func receiveStreamTrailers(
        _ session: HTTP2Session, of upstream: Ref<UpstreamConnection>
    ) {
        guard let exchange = upstream.its.exchange else { return }
        guard !session.lacksHead else { return fail(exchange, .responseHeadTooLarge) }
        let client = exchange.its.client
        let isStream = client.isStream
        if isStream || exchange.its.sendsChunks {
            guard keep(session.head, in: &client.its.http2.responseTrailers) else {
                return fail(exchange, .buffersExhausted)
            }
        }
        endResponse(on: upstream, of: exchange)
        // In chunks they have been sent, or never will be.
        if !isStream { drop(&client.its.http2.responseTrailers) }
    }

    /// The replica has sent END_STREAM; the exchange may be over already.
    private mutating func endResponse(
        on upstream: Ref<UpstreamConnection>, of exchange: Ref<Exchange>
    ) {
        guard upstream.its.isOpen, upstream.its.exchange == exchange else { return }
        upstream.its.hasEnded = true
        if upstream.its.phase == .tunnelling {
            passEnds(exchange)
        } else {
            upstreamEnded(upstream)
        }
    }

    /// The replica may send as much as the client has room for.
    mutating func returnCredit(of upstream: Ref<UpstreamConnection>) {
        guard upstream.its.isOpen, upstream.its.http2.unreturned > 0,
            let exchange = upstream.its.exchange, let carrier = upstream.its.http2.carrier,
            let session = carrier.its.http2.session
        else { return }
        let isTunnel = upstream.its.phase == .tunnelling
        let room =
            isTunnel ? tunnelRoom(for: exchange.its.client) : readAheadRoom(for: exchange)
        guard room > 0 else { return }
        session.consume(upstream.its.http2.stream, upstream.its.http2.unreturned)
        upstream.its.http2.unreturned = 0
        if exchange.its.bytesToClient >= DataPlaneLimits.wideAfterBytes {
            widen(upstream, for: exchange.its.client, session)
        }
        wantFlush(carrier)
    }

    /// A response that goes on and is taken may come faster. What a window lets come must be kept
    /// if the client stops to take it, so that one client gets few of the wide ones.
    private mutating func widen(
        _ upstream: Ref<UpstreamConnection>, for client: Ref<ClientConnection>,
        _ session: HTTP2Session
    ) {
        let payer = client.its.http2.carrier ?? client
        guard upstream.its.http2.widenedFor == nil,
            payer.its.http2.wideCount < DataPlaneLimits.wideStreamsMaximum
        else { return }
        upstream.its.http2.widenedFor = payer
        payer.its.http2.wideCount += 1
        session.setWindow(
            of: upstream.its.http2.stream, to: DataPlaneLimits.upstreamWideWindowBytes)
    }

    // The end of the stream.

    /// The stream of a tunnel is over: nothing more is taken by it, and what has come is passed on.
    mutating func endTunnelStream(
        _ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>, _ code: UInt32
    ) {
        guard code == HTTP2Error.none, upstream.its.hasEnded else {
            return endTunnel(exchange, code == HTTP2Error.none ? nil : .closedMidResponse)
        }
        exchange.its.tunnel.hasPassedClientEnd = true
        passEnds(exchange)
    }

    /// The exchange is over on both sides: nothing is left to be said, but END_STREAM may be on its
    /// way here.
    mutating func releaseStream(_ upstream: Ref<UpstreamConnection>) {
        if let carrier = upstream.its.http2.carrier, let session = carrier.its.http2.session {
            session.consume(upstream.its.http2.stream, upstream.its.http2.unreturned)
            session.release(upstream.its.http2.stream)
            upstream.its.http2.stream = .none
            wantFlush(carrier)
        }
        closeUpstream(upstream)
    }

    /// Gives the slot back; a stream that is not over by then is reset.
    mutating func closeStream(_ upstream: Ref<UpstreamConnection>) {
        guard let carrier = upstream.its.http2.carrier else { return }
        // An exchange ends before its client's connection does.
        upstream.its.http2.widenedFor?.its.http2.wideCount -= 1
        upstream.its.http2.widenedFor = nil
        if upstream.its.http2.stream != .none, let session = carrier.its.http2.session {
            session.reset(upstream.its.http2.stream, code: HTTP2Error.cancel)
            wantFlush(carrier)
        }
        upstream.its.http2.stream = .none
        drop(&upstream.its.http2.trailers)
        upstream.its.output.discard(store: &store)
        let previous = upstream.its.http2.previous
        let next = upstream.its.http2.next
        if let previous {
            previous.its.http2.next = next
        } else {
            carrier.its.http2.first = next
        }
        next?.its.http2.previous = previous
        carrier.its.http2.count -= 1
        upstreamStreamCount -= 1
        upstreams.free(upstream)
        if carrier.its.isOpen, carrier.its.http2.count == 0 { rest(carrier) }
    }
}
