internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// How fast something has moved since a moment, while there was something to move. Judged only when
/// something moves: what stands still is the business of the idle time-outs.
struct RateWindow {
    /// Milliseconds, but for what does not fit; 0: there is none.
    private var began: UInt32 = 0
    private var bytes: UInt32 = 0

    /// Some of it has moved.
    mutating func add(_ count: Int) { bytes = UInt32(clamping: Int(bytes) + count) }

    /// There is nothing to move: what comes later is judged by itself.
    mutating func end() { self = RateWindow() }

    /// So much more has moved: whether less than so many bytes per second did over a whole window.
    /// The next one begins.
    mutating func isTooSlow(
        adding count: Int, bytesPerSecond: Int, windowMilliseconds: Int, now: Instant
    ) -> Bool {
        let moment = max(1, UInt32(truncatingIfNeeded: now.milliseconds))
        guard began != 0 else {
            self = RateWindow()
            began = moment
            return false
        }
        add(count)
        let elapsed = Int(moment &- began)
        guard elapsed >= windowMilliseconds else { return false }
        let isSlow = Int(bytes) < bytesPerSecond * elapsed / 1_000
        self = RateWindow()
        began = moment
        return isSlow
    }
}

/// Clients that send or read so slowly that it can only be meant to hold something up.
extension Worker {
    /// Some of the body has come. It is judged while the replica would take more of it; a call of
    /// gRPC and a request that is being answered have pauses of their own.
    mutating func isTooSlow(_ exchange: Ref<Exchange>, sending count: Int) -> Bool {
        let rate = snapshot.limits.requestBytesPerSecondMinimum
        let client = exchange.its.client
        guard rate > 0, !exchange.its.isCall, !exchange.its.requestBody.isComplete,
            exchange.its.stage == .awaitingResponse, !isReplicaSlow(exchange)
        else {
            client.its.sending.end()
            return false
        }
        let window = snapshot.limits.rateWindowMilliseconds
        return client.its.sending.isTooSlow(
            adding: count, bytesPerSecond: rate, windowMilliseconds: window, now: now)
    }

    /// The client has taken some of what is queued for it. That nothing is left says little while
    /// its response goes on: more may be at hand.
    mutating func isTooSlow(_ client: Ref<ClientConnection>, reading count: Int) -> Bool {
        let rate = snapshot.limits.responseBytesPerSecondMinimum
        let isQueued = !client.its.output.isEmpty || client.its.phase == .exchanging
        guard isQueued, rate > 0, client.its.phase != .tunnelling else {
            client.its.reading.end()
            return false
        }
        return client.its.reading.isTooSlow(
            adding: count, bytesPerSecond: rate,
            windowMilliseconds: snapshot.limits.rateWindowMilliseconds, now: now)
    }

    /// The response has gone on: if nothing waits for the client now, its time is over.
    mutating func endReadingIfDrained(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen, client.its.output.isEmpty,
            client.its.exchange?.its.upstream?.its.goesOnLater != true
        else { return }
        client.its.reading.end()
    }

    /// Its request is answered, and nothing more is taken of it.
    mutating func refuseSlowBody(of exchange: Ref<Exchange>) {
        let client = exchange.its.client
        countSlow(client)
        client.its.closesAfterResponse = true
        fail(exchange, .requestTooSlow)
    }

    /// What it has not read is thrown away.
    mutating func cutSlowReader(_ client: Ref<ClientConnection>) {
        countSlow(client)
        if let exchange = client.its.exchange { return fail(exchange, .clientTooSlow) }
        // Its request is over for the log; this is another thing.
        logRefusal(
            client, status: FailureReason.clientTooSlow.status,
            details: FailureReason.clientTooSlow.word.description,
            requestID: RequestID(high: random.next(), low: random.next()))
        closeClient(client)
    }

    private mutating func countSlow(_ client: Ref<ClientConnection>) {
        counters.listeners.add(
            1, row: client.its.listenerRow, column: ListenerColumn.tooSlow.rawValue)
    }
}
