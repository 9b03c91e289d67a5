internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// One stream of an HTTP/2 client: what it sends, and what it is sent.
extension Worker {
    /// Part of the request's body, or of what passes through a tunnel.
    mutating func receiveStreamData(
        _ client: Ref<ClientConnection>, _ data: Buffer, ends: Bool
    ) {
        client.its.http2.unreturned += data.count
        if client.its.phase == .closing {
            returnCredit(of: client)
        } else if !data.isEmpty, !keepStreamData(client, data) {
            return loseStreamData(client)
        }
        if ends { endStreamInput(client) } else { offerInput(of: client) }
    }

    /// The window is no larger than a buffer, so that there is room for all that may come.
    private mutating func keepStreamData(
        _ client: Ref<ClientConnection>, _ data: Buffer
    ) -> Bool {
        var input: Buffer
        if let own = client.its.input {
            input = own
        } else {
            guard let fresh = store.take(atLeast: data.count) else { return false }
            input = fresh
        }
        client.its.input = input
        if input.room < data.count { input.compact() }
        if input.room < data.count {
            guard var larger = store.take(atLeast: BufferStore.largeBytes) else { return false }
            larger.append(input.bytes)
            store.give(input)
            input = larger
        }
        let taken = input.append(data.bytes)
        client.its.input = input
        client.its.hasUnseenInput = true
        return taken == data.count
    }

    private mutating func loseStreamData(_ client: Ref<ClientConnection>) {
        client.its.hasUnseenInput = false
        guard let exchange = client.its.exchange else { return closeClient(client) }
        fail(exchange, .buffersExhausted)
    }

    /// The client has sent END_STREAM.
    mutating func endStreamInput(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen else { return }
        client.its.hasEnded = true
        offerInput(of: client)
    }

    private mutating func offerInput(of client: Ref<ClientConnection>) {
        guard client.its.isOpen, let exchange = client.its.exchange else { return }
        switch client.its.phase {
        case .exchanging: receiveRequestBody(exchange)
        case .tunnelling: relayFromClient(client)
        default: break
        }
    }

    /// The trailer section of a request, which has the same rules as one of HTTP/1.1, and the end
    /// of the stream.
    mutating func receiveTrailers(_ session: HTTP2Session, of client: Ref<ClientConnection>) {
        if client.its.phase == .exchanging, let exchange = client.its.exchange {
            do throws(HTTPError) {
                guard !session.lacksHead else { throw .headTooLarge }
                try ChunkedFilter.check(trailers: session.head)
            } catch {
                client.its.hasEnded = true
                return rejectBody(of: exchange, error)
            }
            var trailers: Buffer?
            let isKept = keep(session.head, in: &trailers)
            requestTrailers[exchange.bits] = trailers
            guard isKept else {
                client.its.hasEnded = true
                return loseStreamData(client)
            }
        }
        endStreamInput(client)
    }

    /// Keeps lines of a trailer section behind those that are there.
    ///
    /// - Returns: false if there is no buffer for them.
    mutating func keep(_ lines: Span<UInt8>, in trailers: inout Buffer?) -> Bool {
        guard lines.count > 0 else { return true }
        let bytes = max(lines.count, ChunkedFilter.trailerBytesMaximum)
        guard var kept = trailers ?? store.take(atLeast: bytes) else { return false }
        let count = kept.append(lines)
        trailers = kept
        return count == lines.count
    }

    mutating func dropRequestTrailers(of exchange: Ref<Exchange>) {
        guard !requestTrailers.isEmpty,
            let trailers = requestTrailers.removeValue(forKey: exchange.bits)
        else { return }
        store.give(trailers)
    }

    mutating func drop(_ trailers: inout Buffer?) {
        if let trailers { store.give(trailers) }
        trailers = nil
    }

    /// What was taken of the stream's bytes may come again.
    mutating func returnCredit(of client: Ref<ClientConnection>) {
        guard let carrier = client.its.http2.carrier, let session = carrier.its.http2.session,
            client.its.http2.unreturned > 0
        else { return }
        let kept = client.its.hasUnseenInput ? client.its.input?.count ?? 0 : 0
        let taken = client.its.http2.unreturned - kept
        guard taken > 0 else { return }
        client.its.http2.unreturned = kept
        if client.its.http2.stream != .none {
            session.consume(client.its.http2.stream, taken)
        } else {
            session.consumeOfClosed(taken)
        }
        wantFlush(carrier)
    }

    /// The body of a request whose end only END_STREAM tells has come to it: its last chunk, and
    /// the trailers, in the form that the exchange keeps it in.
    ///
    /// - Returns: nil if that is not so, or if there is no room for it.
    mutating func streamBodyEnd(
        _ client: Ref<ClientConnection>, allowance: Int
    ) -> Buffer? {
        guard client.isStream, client.its.hasEnded, !client.its.hasUnseenInput,
            let exchange = client.its.exchange
        else { return nil }
        let trailers = requestTrailers.isEmpty ? nil : requestTrailers[exchange.bits]
        guard 5 + (trailers?.count ?? 0) <= allowance else { return nil }
        var end = assembly
        end.clear()
        end.append("0\r\n")
        if let trailers { end.append(trailers.bytes) }
        end.append("\r\n")
        dropRequestTrailers(of: exchange)
        return end
    }

    /// A piece of such a body as a chunk.
    mutating func chunk(_ body: Buffer) -> Buffer {
        var out = assembly
        out.clear()
        appendChunk(body, to: &out)
        return out
    }

    // What the stream is sent.

    /// The head of a final response, or of an agreement to a tunnel. The body follows by `send`,
    /// unless there is none.
    mutating func sendHead(
        _ head: Span<UInt8>, body: HTTP2Session.Body, to client: Ref<ClientConnection>
    ) -> SendFailure? {
        guard let carrier = client.its.http2.carrier, let session = carrier.its.http2.session,
            session.respond(client.its.http2.stream, head, body: body)
        else { return .broken(0) }
        client.its.http2.hasHead = true
        client.its.http2.hasEnd = body == .none
        wantFlush(carrier)
        return nil
    }

    /// Head and body of an answer in one text.
    mutating func sendWhole(_ text: Buffer, to client: Ref<ClientConnection>) -> SendFailure? {
        let bytes = text.bytes
        var end = 0
        while end + 4 <= bytes.count, !bytes.isBlankLine(at: end) { end += 1 }
        let headCount = min(end + 4, bytes.count)
        var head = text
        head.truncate(to: headCount)
        var body = text
        body.consume(headCount)
        let failure = sendHead(head.bytes, body: body.isEmpty ? .none : .offered, to: client)
        guard failure == nil, !body.isEmpty else { return failure }
        return send(body.bytes, to: client)
    }

    mutating func sendInterim(_ head: Buffer, to client: Ref<ClientConnection>) -> SendFailure? {
        guard let carrier = client.its.http2.carrier, let session = carrier.its.http2.session,
            session.respondInterim(client.its.http2.stream, head.bytes)
        else { return .broken(0) }
        wantFlush(carrier)
        return nil
    }

    /// Bytes of a body or a tunnel: to the socket, or into the queue of the stream.
    mutating func send(_ bytes: Span<UInt8>, to client: Ref<ClientConnection>) -> SendFailure? {
        guard let carrier = client.its.http2.carrier else {
            return client.its.output.send(bytes, to: client.its.wire, store: &store)
        }
        guard bytes.count > 0 else { return nil }
        guard let session = carrier.its.http2.session, client.its.http2.stream != .none else {
            return .broken(0)
        }
        let before = client.its.output.heldBytes
        let isKept = client.its.output.append(bytes, store: &store)
        carrier.its.http2.heldBytes += client.its.output.heldBytes - before
        guard isKept else { return .noBuffers }
        session.offer(client.its.http2.stream, bytes.count)
        wantFlush(carrier)
        return nil
    }

    /// The body is over, and so is the stream for us; trailers go with its end.
    mutating func sendEnd(to client: Ref<ClientConnection>) -> SendFailure? {
        guard let carrier = client.its.http2.carrier, let session = carrier.its.http2.session,
            client.its.http2.stream != .none
        else { return .broken(0) }
        guard !client.its.http2.hasEnd else { return nil }
        client.its.http2.hasEnd = true
        if let trailers = client.its.http2.responseTrailers {
            session.end(client.its.http2.stream, trailers: trailers.bytes)
            drop(&client.its.http2.responseTrailers)
        } else {
            session.end(client.its.http2.stream)
        }
        wantFlush(carrier)
        return nil
    }

    /// The exchange is over: the stream stays until its queue is sent.
    mutating func beginClosingStream(_ client: Ref<ClientConnection>) {
        client.its.phase = .closing
        // Nobody wants the rest of the request.
        client.its.hasUnseenInput = false
        returnCredit(of: client)
        if client.its.http2.isTunnel, let carrier = client.its.http2.carrier {
            carrier.its.http2.session?.endTunnel(client.its.http2.stream)
            wantFlush(carrier)
        }
        guard client.its.http2.hasHead, client.its.http2.stream != .none,
            sendEnd(to: client) == nil
        else { return closeClient(client) }
        wheel.set(
            client.its.timer,
            at: now.adding(milliseconds: snapshot.limits.clientIdleTimeoutMilliseconds))
    }

    /// Gives the slot back; a stream that is not over by then is reset, so that nobody takes what
    /// was sent for the whole.
    mutating func closeStream(_ client: Ref<ClientConnection>) {
        guard let carrier = client.its.http2.carrier else { return }
        if let session = carrier.its.http2.session {
            if client.its.http2.stream != .none {
                let code =
                    client.its.http2.hasHead ? HTTP2Error.internalError : HTTP2Error.cancel
                session.reset(client.its.http2.stream, code: code)
            }
            // What nobody has taken of its request counts for the other streams too.
            session.consumeOfClosed(client.its.http2.unreturned)
            wantFlush(carrier)
        }
        client.its.http2.unreturned = 0
        client.its.http2.stream = .none
        carrier.its.http2.heldBytes -= client.its.output.heldBytes
        client.its.output.discard(store: &store)
        drop(&client.its.http2.responseTrailers)
        let previous = client.its.http2.previous
        let next = client.its.http2.next
        if let previous {
            previous.its.http2.next = next
        } else {
            carrier.its.http2.first = next
        }
        next?.its.http2.previous = previous
        carrier.its.http2.count -= 1
        clientStreamCount -= 1
        if carrier.its.http2.count == 0, carrier.its.phase == .multiplexing {
            carrier.its.http2.clock.noteEmpty(at: now)
            wantFlush(carrier)
        }
    }
}

extension Span where Element == UInt8 {
    fileprivate func isBlankLine(at index: Int) -> Bool {
        self[index] == 13 && self[index + 1] == 10 && self[index + 2] == 13
            && self[index + 3] == 10
    }
}
