internal import Balancing
internal import HTTP
internal import Transport

/// What the sessions of HTTP/2 have to say is put together at the end of a turn, so that the frames
/// of all their streams leave with one send.
extension Worker {
    mutating func wantFlush(_ client: Ref<ClientConnection>) {
        guard !client.its.http2.wantsFlush else { return }
        client.its.http2.wantsFlush = true
        clientsToFlush.append(client)
    }

    mutating func wantFlush(_ carrier: Ref<UpstreamConnection>) {
        guard !carrier.its.http2.wantsFlush else { return }
        carrier.its.http2.wantsFlush = true
        upstreamsToFlush.append(carrier)
    }

    /// Sends until nothing is left, or nothing more is taken.
    mutating func flushSessions() {
        while let carrier = upstreamsToFlush.popLast() {
            carrier.its.http2.wantsFlush = false
            guard carrier.its.isOpen, carrier.its.phase == .multiplexing else { continue }
            flushSession(carrier)
            resumeRequests()
        }
        while let client = clientsToFlush.popLast() {
            client.its.http2.wantsFlush = false
            guard client.its.isOpen, client.its.phase == .multiplexing else { continue }
            flushSession(client)
            resumeStreams()
        }
    }

    private mutating func flushSession(_ client: Ref<ClientConnection>) {
        // Until the socket takes bytes again, nothing that comes counts as a sign of reading.
        if client.its.output.isEmpty { client.its.http2.clock.takenAt = now }
        while client.its.output.isEmpty, let session = client.its.http2.session {
            let out = collectOutput(session, for: .client)
            guard !out.isEmpty else { break }
            let failure = client.its.output.send(out.bytes, to: client.its.wire, store: &store)
            guard failure == nil else { return closeClient(client) }
        }
        endClosedStreams(of: client)
        guard client.its.isOpen, let session = client.its.http2.session else { return }
        if client.its.output.isEmpty, session.isOver { return endSession(client) }
        armSessionTimer(client)
    }

    private mutating func flushSession(_ carrier: Ref<UpstreamConnection>) {
        while carrier.its.output.isEmpty, let session = carrier.its.http2.session {
            let out = collectOutput(session, for: .upstream)
            guard !out.isEmpty else { break }
            let failure = carrier.its.output.send(out.bytes, to: carrier.its.wire, store: &store)
            guard failure == nil else { return carrierLost(carrier) }
        }
        endClosedStreams(of: carrier)
        guard carrier.its.isOpen, let session = carrier.its.http2.session,
            carrier.its.output.isEmpty, session.isOver
        else { return }
        // Ended by weir, unless the replica has made it say GOAWAY.
        if carrier.its.http2.count == 0 { closeUpstream(carrier) } else { carrierRefused(carrier) }
    }

    /// As many frames as fit into one send.
    private mutating func collectOutput(
        _ session: HTTP2Session, for side: TunnelState.Side
    ) -> Buffer {
        var out = assembly
        out.clear()
        while out.room >= HTTP2Session.outputBytesMaximum {
            var space = out.free
            switch session.nextOutput(into: &space) {
            case .nothing: return out
            case .bytes(let count): out.commit(count)
            case .data(let count, let user, let body):
                out.commit(count)
                switch side {
                case .client:
                    let slot = Ref<ClientConnection>(bits: user)
                    let before = slot.its.output.heldBytes
                    slot.its.output.take(body, into: &out, store: &store)
                    slot.its.reading.add(body)
                    slot.its.http2.carrier?.its.http2.heldBytes +=
                        slot.its.output.heldBytes - before
                    streamsToResume.append(slot)
                case .upstream:
                    let slot = Ref<UpstreamConnection>(bits: user)
                    slot.its.output.take(body, into: &out, store: &store)
                    upstreamsToResume.append(slot)
                }
            }
        }
        return out
    }

    /// Streams whose queue has become shorter go on.
    private mutating func resumeStreams() {
        while let slot = streamsToResume.popLast() {
            guard slot.its.isOpen, slot.isStream else { continue }
            // What it has taken was counted as the frames were made.
            if isTooSlow(slot, reading: 0) {
                cutSlowReader(slot)
                continue
            }
            switch slot.its.phase {
            case .exchanging:
                guard let exchange = slot.its.exchange else { continue }
                noteProgress(exchange)
                resumeResponse(exchange)
                endReadingIfDrained(slot)
            case .tunnelling: clientTunnelWritable(slot)
            case .closing:
                wheel.set(
                    slot.its.timer,
                    at: now.adding(milliseconds: snapshot.limits.clientIdleTimeoutMilliseconds))
            default: break
            }
        }
    }

    /// The same for requests on their way to a replica.
    private mutating func resumeRequests() {
        while let slot = upstreamsToResume.popLast() {
            guard slot.its.isOpen, let exchange = slot.its.exchange else { continue }
            switch slot.its.phase {
            case .busy:
                // As with responses, in a later turn: so that a turn has an end.
                let client = exchange.its.client
                if client.its.isReadable, !exchange.its.requestBody.isComplete {
                    goOnLater(client)
                } else {
                    pumpRequest(exchange)
                }
                noteProgress(exchange)
            case .tunnelling: upstreamTunnelWritable(slot)
            default: break
            }
        }
    }

    /// The socket of a carrier takes bytes again.
    mutating func sessionWritable(_ carrier: Ref<UpstreamConnection>) {
        if carrier.its.output.flush(to: carrier.its.wire, store: &store) != nil {
            return carrierLost(carrier)
        }
        wantFlush(carrier)
    }

    mutating func sessionWritable(_ client: Ref<ClientConnection>) {
        client.its.http2.clock.takenAt = now
        wantFlush(client)
        receiveSession(client)
    }
}
