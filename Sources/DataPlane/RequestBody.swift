internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// The request on its way to the replica: the composed head, then the body as it comes.
extension Worker {
    /// Sends the head and what has come of the body; more follows by `receiveRequestBody`.
    mutating func sendRequest(_ exchange: Ref<Exchange>) {
        exchange.its.stage = .awaitingResponse
        allowPauses(of: exchange)
        pumpRequest(exchange)
        noteProgress(exchange)
    }

    /// The kernel takes a replica that is slow to read for one that is gone: to its user time-out
    /// a closed window is unacknowledged bytes too. Only a request that fits into any window is
    /// sent under it.
    private mutating func allowPauses(of exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream, let request = exchange.its.request
        else { return }
        let connection = upstream.its.http2.carrier ?? upstream
        guard connection.its.hasUserTimeout else { return }
        let isShort =
            request.count <= DataPlaneLimits.shortRequestBytesMaximum
            && !(upstream.isStream && exchange.its.wantsUpgrade)
        guard !isShort || !exchange.its.requestBody.isComplete else { return }
        connection.its.hasUserTimeout = false
        Socket.setUserTimeout(
            connection.its.wire.descriptor,
            milliseconds: upstream.isStream ? DataPlaneLimits.sessionUserTimeoutMilliseconds : 0)
    }

    /// Sends what is waiting to be sent, then lets the client go on.
    mutating func pumpRequest(_ exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream, !upstream.its.hasStoppedReading,
            let request = exchange.its.request
        else { return }
        let unsent = request.bytes.extracting(
            (exchange.its.hostBytes + exchange.its.requestSent)...)
        if unsent.count > 0 {
            switch send(unsent, of: exchange, to: upstream) {
            case .bytes(let count):
                exchange.its.requestSent += count
                countSent(count, to: upstream)
                guard count == unsent.count else { return }
            case .wouldBlock: return
            case .endOfStream, .failed: return sendingFailed(upstream)
            }
        }
        if !upstream.its.output.isEmpty, !upstream.isStream {
            guard upstream.its.output.flush(to: upstream.its.wire, store: &store) == nil
            else { return sendingFailed(upstream) }
        }
        if !exchange.its.requestBody.isComplete {
            receiveRequestBody(exchange)
        }
    }

    /// Takes body bytes from the client as long as there is somewhere to put them.
    mutating func receiveRequestBody(_ exchange: Ref<Exchange>) {
        let client = exchange.its.client
        // Whatever ends the exchange in here must not begin on the next request before the bytes
        // in hand are put back.
        let wasServing = client.its.isServing
        client.its.isServing = true
        takeRequestBody(exchange, from: client)
        client.its.isServing = wasServing
        if !wasServing, client.its.isOpen, client.its.phase == .idle { serveRequests(client) }
    }

    private mutating func takeRequestBody(
        _ exchange: Ref<Exchange>, from client: Ref<ClientConnection>
    ) {
        var moved = 0
        while !client.its.goesOnLater, exchange.its.isOpen, !exchange.its.requestBody.isComplete {
            var allowance = bodyAllowance(of: exchange)
            let isChunkedHere = exchange.its.requestBody.endsWithStream
            if isChunkedHere {
                if endStreamBody(exchange, client, allowance: allowance) { return }
                allowance = min(allowance, BufferStore.largeBytes) - Worker.chunkFramingBytes
            }
            let limit = receiveLimit(of: exchange, allowance: allowance)
            guard limit > 0 else { return }
            guard moved < DataPlaneLimits.turnBytesMaximum else { return goOnLater(client) }
            guard let received = nextInput(of: client, atMost: limit) else { return }
            moved += received.count
            var rest = received
            let consumed: Int
            do {
                var bytes = received.mutablePrefix(min(allowance, received.count))
                let taken = try exchange.its.requestBody.take(&bytes)
                consumed = taken.consumed
                exchange.its.bytesFromClient += UInt64(consumed)
                var body = received
                body.truncate(to: taken.kept)
                rest.consume(consumed)
                keepBody(of: exchange, isChunkedHere && !body.isEmpty ? chunk(body) : body)
            } catch {
                rejectBody(of: exchange, error)
                return
            }
            guard client.its.isOpen else { return }
            keepInput(rest, of: client)
            guard exchange.its.isOpen else { return client.its.sending.end() }
            if isTooSlow(exchange, sending: consumed) {
                return refuseSlowBody(of: exchange)
            }
        }
    }

    private static let chunkFramingBytes = ChunkWriter.headerBytesMaximum + 2

    /// - Returns: whether the body has ended with its stream.
    private mutating func endStreamBody(
        _ exchange: Ref<Exchange>, _ client: Ref<ClientConnection>, allowance: Int
    ) -> Bool {
        guard let end = streamBodyEnd(client, allowance: allowance) else { return false }
        exchange.its.requestBody.end()
        keepBody(of: exchange, end)
        return true
    }

    /// How many body bytes can be taken now. Before the request is under way they must fit beside
    /// the head; afterwards they are sent on, behind a queue of limited length.
    private mutating func bodyAllowance(of exchange: Ref<Exchange>) -> Int {
        guard let request = exchange.its.request else { return 0 }
        let isUnderWay =
            exchange.its.stage == .awaitingResponse || exchange.its.stage == .responding
        guard isUnderWay, !exchange.hasUnsentRequest, let upstream = exchange.its.upstream
        else { return roomToKeep(request, of: exchange) }
        let isFull = upstream.its.output.count >= DataPlaneLimits.tunnelQueueBytesMaximum
        return isFull || upstream.its.hasStoppedReading ? 0 : scratch.capacity
    }

    /// Beside the head. While it waits that is as much as the queue has bytes left for.
    private mutating func roomToKeep(_ request: Buffer, of exchange: Ref<Exchange>) -> Int {
        let more = BufferStore.largeBytes - request.capacity
        if exchange.its.isHeld, more > 0, let pool = exchange.its.pool,
            pool.its.queue.bytes + more > pool.its.pool.settings.holdBytesMaximum
        {
            return request.room
        }
        return BufferStore.largeBytes - request.end
    }

    /// How many bytes to receive at once: what comes behind the body is kept in one buffer.
    private mutating func receiveLimit(of exchange: Ref<Exchange>, allowance: Int) -> Int {
        guard exchange.its.requestBody.kind == .length else {
            return min(allowance, BufferStore.largeBytes)
        }
        let remaining = exchange.its.requestBody.remaining
        guard remaining < UInt64(allowance) else { return allowance }
        return min(allowance, Int(remaining) + BufferStore.largeBytes)
    }

    /// Keeps `body` for another attempt while it fits, and sends it on if the request is under way.
    private mutating func keepBody(of exchange: Ref<Exchange>, _ body: Buffer) {
        guard !body.isEmpty else { return }
        // At the end: whose turn it is to move depends on what could be sent.
        defer { noteProgress(exchange) }
        let isUnderWay =
            exchange.its.stage == .awaitingResponse || exchange.its.stage == .responding
        let isBehind = exchange.hasUnsentRequest
        if exchange.its.isReplayable, appendToRequest(of: exchange, body) {
            if isUnderWay, !isBehind { sendTail(of: exchange) }
            return
        }
        // Sent now, it would overtake what is still to be sent before it.
        guard isUnderWay, !isBehind, let upstream = exchange.its.upstream else {
            return fail(exchange, .buffersExhausted)
        }
        exchange.its.isReplayable = false
        countSent(body.count, to: upstream)
        switch sendQueued(body.bytes, to: upstream) {
        case .broken: sendingFailed(upstream)
        case .noBuffers: fail(exchange, .buffersExhausted)
        case nil: break
        }
    }

    private mutating func appendToRequest(of exchange: Ref<Exchange>, _ body: Buffer) -> Bool {
        guard var request = exchange.its.request else { return false }
        if request.room < body.count {
            guard request.end + body.count <= BufferStore.largeBytes,
                request.capacity < BufferStore.largeBytes,
                var larger = store.take(atLeast: BufferStore.largeBytes)
            else { return false }
            larger.append(request.bytes)
            store.give(request)
            if exchange.its.isHeld, let pool = exchange.its.pool {
                pool.its.queue.grow(exchange, by: larger.capacity - request.capacity)
            }
            request = larger
        }
        request.append(body.bytes)
        exchange.its.request = request
        return true
    }

    /// Like `pumpRequest`, without asking the client for more: its caller is doing that.
    private mutating func sendTail(of exchange: Ref<Exchange>) {
        guard let upstream = exchange.its.upstream, let request = exchange.its.request else {
            return
        }
        let unsent = request.bytes.extracting(
            (exchange.its.hostBytes + exchange.its.requestSent)...)
        switch send(unsent, of: exchange, to: upstream) {
        case .bytes(let count):
            exchange.its.requestSent += count
            countSent(count, to: upstream)
        case .wouldBlock: return
        case .endOfStream, .failed: sendingFailed(upstream)
        }
    }

    /// The replica takes no more of the request. If it has answered already, as one does that
    /// refuses a body unread, that answer counts, and its event is on the way.
    private mutating func sendingFailed(_ upstream: Ref<UpstreamConnection>) {
        guard !upstream.isStream, case .bytes = upstream.its.wire.descriptor.peek() else {
            return upstreamBroken(upstream)
        }
        upstream.its.hasStoppedReading = true
        upstream.its.closesAfterResponse = true
    }

    /// The client's body is not what its head promised: nothing of it can be trusted any more.
    mutating func rejectBody(of exchange: Ref<Exchange>, _ error: HTTPError) {
        counters.listeners.add(
            1, row: exchange.its.client.its.listenerRow, column: ListenerColumn.malformed.rawValue)
        exchange.its.client.its.closesAfterResponse = true
        fail(exchange, error == .headTooLarge ? .headTooLarge : .malformedRequest)
    }

    mutating func countSent(_ count: Int, to upstream: Ref<UpstreamConnection>) {
        counters.replicas.add(
            UInt64(count), row: upstream.its.replica.its.row,
            column: ReplicaColumn.bytesSent.rawValue)
    }

    /// Something moved: the deadline of the exchange moves too.
    ///
    /// While it waits or connects, its deadline is another one, which no progress moves.
    mutating func noteProgress(_ exchange: Ref<Exchange>) {
        guard exchange.its.stage == .awaitingResponse || exchange.its.stage == .responding,
            let pool = exchange.its.pool
        else { return }
        let settings = pool.its.pool.settings
        let limit: Int
        if exchange.its.stage == .responding {
            let isClientSlow = !exchange.its.client.its.output.isEmpty
            limit =
                isClientSlow
                ? snapshot.limits.clientIdleTimeoutMilliseconds
                : settings.bodyIdleTimeoutMilliseconds
        } else if exchange.its.requestBody.isComplete {
            limit = settings.firstByteTimeoutMilliseconds
        } else {
            limit =
                isReplicaSlow(exchange)
                ? settings.bodyIdleTimeoutMilliseconds
                : snapshot.limits.clientIdleTimeoutMilliseconds
        }
        wheel.set(exchange.its.timer, at: now.adding(milliseconds: limit))
    }

    /// The replica has not gone on with it in time.
    private mutating func replicaTimedOut(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        if let settings = exchange.its.pool?.its.pool.settings {
            let limit =
                reason == .firstByteTimeout
                ? settings.firstByteTimeoutMilliseconds : settings.bodyIdleTimeoutMilliseconds
            noteSilence(on: exchange.its.upstream, milliseconds: limit)
        }
        fail(exchange, reason)
    }

    /// The body does not go on because the replica does not take what has come of it.
    mutating func isReplicaSlow(_ exchange: Ref<Exchange>) -> Bool {
        guard let upstream = exchange.its.upstream else { return false }
        return exchange.hasUnsentRequest || !upstream.its.output.isEmpty
    }

    mutating func exchangeTimedOut(_ exchange: Ref<Exchange>) {
        guard exchange.its.isOpen else { return }
        switch exchange.its.stage {
        case .held: heldCheck(exchange)
        case .backingOff: backOffEnded(exchange)
        case .connecting:
            // On a connection of HTTP/2 that is there, but whose replica does not say anything.
            guard let upstream = exchange.its.upstream, upstream.isStream else { return }
            settingsTimedOut(exchange, on: upstream)
        case .ended: break
        case .awaitingResponse:
            if exchange.its.requestBody.isComplete {
                if let replica = exchange.its.replica { observe(.firstByteTimeout, replica) }
                replicaTimedOut(exchange, .firstByteTimeout)
            } else {
                exchange.its.client.its.closesAfterResponse = true
                guard isReplicaSlow(exchange) else { return fail(exchange, .requestTimeout) }
                replicaTimedOut(exchange, .bodyTimeout)
            }
        case .responding:
            let isClientSlow = !exchange.its.client.its.output.isEmpty
            if isClientSlow { return fail(exchange, .clientTimeout) }
            replicaTimedOut(exchange, .bodyTimeout)
        case .tunnelling: tunnelTimedOut(exchange)
        }
    }
}
