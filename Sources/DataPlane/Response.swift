internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The response on its way to the client.
extension Worker {
    /// The head is in `responseHead`, its bytes in `head`; `rest` is what came behind it.
    mutating func beginResponse(
        _ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>, head: Buffer, rest: Buffer
    ) {
        // A client that asked for a tunnel would take it for one.
        if exchange.its.client.its.http2.isTunnel, responseHead.status / 100 == 2 {
            return fail(exchange, .malformedResponse)
        }
        exchange.its.status = responseHead.status
        endRelease(of: exchange)
        if !responseHead.keepsAlive { upstream.its.closesAfterResponse = true }
        upstream.its.idleSecondsPromised = responseHead.idleSeconds
        exchange.noteStatus(responseHead.status)
        frameResponse(
            exchange, responseHead.framing(answering: exchange.its.method), from: upstream)
        let client = exchange.its.client
        // Whether the rest of the body comes before the end of the response is not known yet.
        if !exchange.its.requestBody.isComplete { client.its.closesAfterResponse = true }

        var out = assembly
        out.clear()
        var forwarding = ResponseForwarding(
            clientMinorVersion: exchange.its.clientMinorVersion,
            framingChange: exchange.its.sendsChunks ? .chunk : .asIs)
        if isDraining { client.its.closesAfterResponse = true }
        forwarding.closes = client.its.closesAfterResponse
        forwarding.requestID = exchange.its.requestID
        forwarding.hstsSeconds = client.its.hstsSeconds
        let cookies = newCookies(for: exchange)
        var space = out.free
        guard
            let count = writeResponse(
                responseHead, from: head.bytes, adding: cookies.bytes, forwarding: forwarding,
                into: &space)
        else { return fail(exchange, .responseHeadTooLarge) }
        out.commit(count)
        sendFirstPart(exchange, out, rest)
    }

    /// Decides how the body is passed on, given how it comes.
    private mutating func frameResponse(
        _ exchange: Ref<Exchange>, _ framing: BodyFraming, from upstream: Ref<UpstreamConnection>
    ) {
        let isStream = exchange.its.client.isStream
        // From stream to stream trailers pass behind any body. That it is whole, its end tells, and
        // libnghttp2 that it was as long as announced.
        if isStream, upstream.isStream, framing != .none {
            return exchange.its.responseBody.begin(.untilClose, output: .dataAndTrailers)
        }
        let speaksChunks = exchange.its.clientMinorVersion >= 1 && !isStream
        exchange.its.responseBody.begin(
            framing, output: speaksChunks ? .framed : isStream ? .dataAndTrailers : .data)
        switch framing {
        case .none, .length: break
        case .chunked:
            if !speaksChunks { exchange.its.client.its.closesAfterResponse = true }
        case .untilClose:
            exchange.its.sendsChunks = speaksChunks
            if !speaksChunks { exchange.its.client.its.closesAfterResponse = true }
        }
    }

    private mutating func sendFirstPart(_ exchange: Ref<Exchange>, _ head: Buffer, _ rest: Buffer) {
        guard let body = takeBody(of: exchange, rest) else { return }
        // What was wrong until here is answered; from here on the client has part of a response.
        exchange.its.stage = .responding
        exchange.its.bytesToClient += UInt64(head.count + body.count)
        let client = exchange.its.client
        if client.isStream { return sendFirstPart(exchange, head, body, to: client) }
        if exchange.its.sendsChunks {
            return afterSending(exchange, sendChunks(body, behind: head, to: client))
        }
        if body.count > DataPlaneLimits.copiedBodyBytesMaximum {
            let failure = client.its.output.send(
                head.bytes, body.bytes, to: client.its.wire, store: &store)
            return afterSending(exchange, failure)
        }
        var out = head
        out.append(body.bytes)
        let whole = out
        let failure = client.its.output.send(
            whole.bytes, to: client.its.wire, store: &store)
        afterSending(exchange, failure)
    }

    /// The same for a stream of HTTP/2, whose head is not bytes.
    private mutating func sendFirstPart(
        _ exchange: Ref<Exchange>, _ head: Buffer, _ body: Buffer,
        to client: Ref<ClientConnection>
    ) {
        let isOver =
            exchange.its.responseBody.isComplete && body.isEmpty
            && client.its.http2.responseTrailers == nil
        var failure = sendHead(head.bytes, body: isOver ? .none : .offered, to: client)
        if failure == nil { failure = send(body.bytes, to: client) }
        afterSending(exchange, failure)
    }

    mutating func relayResponseBody(_ exchange: Ref<Exchange>, _ received: Buffer) {
        guard let body = takeBody(of: exchange, received) else { return }
        exchange.its.bytesToClient += UInt64(body.count)
        let client = exchange.its.client
        var failure: SendFailure?
        if exchange.its.sendsChunks {
            var nothing = assembly
            nothing.clear()
            failure = sendChunks(body, behind: nothing, to: client)
        } else if !body.isEmpty {
            failure = send(body.bytes, to: client)
        }
        afterSending(exchange, failure)
    }

    /// What of `received` is to be forwarded; nil if the exchange has failed. Bytes that belong to
    /// no response mean that the connection cannot be used again.
    private mutating func takeBody(of exchange: Ref<Exchange>, _ received: Buffer) -> Buffer? {
        do {
            var span = received.mutablePrefix(received.count)
            let taken = try exchange.its.responseBody.take(&span)
            if taken.consumed < received.count {
                exchange.its.upstream?.its.closesAfterResponse = true
            }
            var body = received
            if taken.trailers > 0 {
                var lines = body
                lines.consume(taken.kept - taken.trailers)
                lines.truncate(to: taken.trailers)
                let client = exchange.its.client
                guard keep(lines.bytes, in: &client.its.http2.responseTrailers) else {
                    fail(exchange, .buffersExhausted)
                    return nil
                }
            }
            body.truncate(to: taken.kept - taken.trailers)
            return body
        } catch {
            fail(exchange, .malformedResponse)
            return nil
        }
    }

    /// Sends `body` as chunks that fit into `assembly`, the first of them behind `start`, which is
    /// there already.
    private mutating func sendChunks(
        _ body: Buffer, behind start: Buffer, to client: Ref<ClientConnection>
    ) -> SendFailure? {
        var rest = body
        var framed = start
        var failure: SendFailure?
        repeat {
            var piece = rest
            piece.truncate(to: min(DataPlaneLimits.chunkBytesMaximum, rest.count))
            rest.consume(piece.count)
            if !piece.isEmpty { appendChunk(piece, to: &framed) }
            failure = client.its.output.send(framed.bytes, to: client.its.wire, store: &store)
            framed.clear()
        } while !rest.isEmpty && failure == nil
        return failure
    }

    mutating func appendChunk(_ body: Buffer, to out: inout Buffer) {
        var space = out.free
        let count = ChunkWriter.header(for: body.count, into: &space)
        out.commit(count)
        out.append(body.bytes)
        out.append(ChunkWriter.lineEnd)
    }

    private mutating func afterSending(_ exchange: Ref<Exchange>, _ failure: SendFailure?) {
        switch failure {
        case .broken: clientGone(exchange.its.client)
        case .noBuffers: fail(exchange, .buffersExhausted)
        case nil:
            if exchange.its.responseBody.isComplete {
                completeResponse(exchange)
            } else {
                noteProgress(exchange)
            }
        }
    }

    /// A body that ended with the connection gets the end that the client can see.
    mutating func finishUntilClose(_ exchange: Ref<Exchange>) {
        exchange.its.upstream?.its.closesAfterResponse = true
        let client = exchange.its.client
        var failure: SendFailure?
        if exchange.its.sendsChunks {
            var end = assembly
            end.clear()
            if let trailers = client.its.http2.responseTrailers {
                end.append("0\r\n")
                end.append(trailers.bytes)
                end.append("\r\n")
            } else {
                end.append(ChunkWriter.terminator)
            }
            failure = client.its.output.send(end.bytes, to: client.its.wire, store: &store)
        }
        afterSending(exchange, failure)
    }

    /// 1xx other than 101: passed on at once, if the client can know it.
    mutating func forwardInterim(_ exchange: Ref<Exchange>, _ head: Buffer) {
        exchange.its.interimResponses += 1
        guard exchange.its.interimResponses <= DataPlaneLimits.interimResponsesMaximum else {
            return fail(exchange, .malformedResponse)
        }
        guard exchange.its.clientMinorVersion >= 1 else { return }
        var out = assembly
        out.clear()
        let forwarding = ResponseForwarding(clientMinorVersion: 1)
        var space = out.free
        guard
            let count = writeResponse(
                responseHead, from: head.bytes, forwarding: forwarding, into: &space)
        else { return fail(exchange, .responseHeadTooLarge) }
        out.commit(count)
        let client = exchange.its.client
        let failure =
            client.isStream
            ? sendInterim(out, to: client)
            : client.its.output.send(out.bytes, to: client.its.wire, store: &store)
        if failure != nil { clientGone(client) }
    }

    /// The client has taken some of what was queued: the replica may go on.
    mutating func resumeResponse(_ exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream else { return }
        if upstream.isStream { return returnCredit(of: upstream) }
        guard upstream.its.isReadable else { return }
        // What is received at the end of a turn would be sent in the same turn, and so on.
        if exchange.its.client.isStream { return goOnLater(upstream) }
        receiveResponse(upstream)
    }

    /// Whether nothing follows the response; the last receive may have ended just with it.
    private func isDrained(_ upstream: Ref<UpstreamConnection>) -> Bool {
        guard upstream.its.isReadable else { return true }
        upstream.its.isReadable = false
        return upstream.its.wire.peek() == .wouldBlock
    }

    /// The response is over, for the replica; the client may still be reading the queue.
    private mutating func completeResponse(_ exchange: Ref<Exchange>) {
        let client = exchange.its.client
        let isRequestWhole = exchange.its.requestBody.isComplete && !exchange.hasUnsentRequest
        if let upstream = exchange.its.upstream {
            let canStay =
                isRequestWhole && !upstream.its.closesAfterResponse
                && upstream.its.output.isEmpty && !upstream.its.hasHangup
                && isDrained(upstream)
            if upstream.its.hasHangup, !client.its.output.isEmpty,
                !upstream.its.closesAfterResponse
            {
                exchange.note(.readAhead)
            }
            detach(exchange, upstream)
            if canStay { keepIdle(upstream) } else { closeUpstream(upstream) }
        }
        if !exchange.its.requestBody.isComplete {
            client.its.closesAfterResponse = true
            client.its.mayStillSend = true
        }
        endExchange(exchange)
        continueClient(client)
    }
}
