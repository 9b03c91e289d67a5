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

    /// Sends until nothing is left, or nothing more is taken.
    mutating func flushSessions() {
        while let client = clientsToFlush.popLast() {
            client.its.http2.wantsFlush = false
            guard client.its.isOpen, client.its.phase == .multiplexing else { continue }
            flushSession(client)
            resumeStreams()
        }
    }

    private mutating func flushSession(_ client: Ref<ClientConnection>) {
        while client.its.output.isEmpty, let session = client.its.http2.session {
            let out = collectOutput(session)
            guard !out.isEmpty else { break }
            let failure = client.its.output.send(out.bytes, to: client.its.wire, store: &store)
            guard failure == nil else { return closeClient(client) }
        }
        endClosedStreams(of: client)
        guard client.its.isOpen, let session = client.its.http2.session else { return }
        if !client.its.output.isEmpty { return armSessionTimer(client) }
        if session.isOver { endSession(client) }
    }

    /// As many frames as fit into one send.
    private mutating func collectOutput(_ session: HTTP2Session) -> Buffer {
        var out = assembly
        out.clear()
        while out.room >= HTTP2Session.outputBytesMaximum {
            var space = out.free
            switch session.nextOutput(into: &space) {
            case .nothing: return out
            case .bytes(let count): out.commit(count)
            case .data(let count, let user, let body):
                out.commit(count)
                let slot = Ref<ClientConnection>(bits: user)
                slot.its.output.take(body, into: &out, store: &store)
                streamsToResume.append(slot)
            }
        }
        return out
    }

    /// Streams whose queue has become shorter go on.
    private mutating func resumeStreams() {
        while let slot = streamsToResume.popLast() {
            guard slot.its.isOpen, slot.isStream else { continue }
            switch slot.its.phase {
            case .exchanging:
                guard let exchange = slot.its.exchange else { continue }
                noteProgress(exchange)
                resumeResponse(exchange)
            case .tunnelling: clientTunnelWritable(slot)
            case .closing:
                wheel.set(
                    slot.its.timer,
                    at: now.adding(milliseconds: snapshot.limits.clientIdleTimeoutMilliseconds))
            default: break
            }
        }
    }

    /// The socket of a carrier takes bytes again.
    mutating func sessionWritable(_ client: Ref<ClientConnection>) {
        armSessionTimer(client)
        wantFlush(client)
        receiveSession(client)
    }
}
