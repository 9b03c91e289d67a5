internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// How an exchange ends: well, or by the one function that deals with failures.
extension Worker {
    /// Something went wrong with the exchange: another attempt, an answer, or a cut.
    ///
    /// Every failure of an exchange comes through here, whatever its cause and stage.
    mutating func fail(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        guard exchange.its.isOpen, exchange.its.stage != .ended else { return }
        release(exchange)
        let attempt = failedAttempt(exchange, reason)
        let verdict = verdict(on: attempt)
        noteRescue(of: exchange, from: attempt)
        endAttempt(exchange, reason)
        switch verdict {
        case .retry: retry(exchange, after: attempt)
        case .retryOnBudget:
            exchange.its.pool?.its.budget.noteRetry(second: now.seconds)
            retry(exchange, after: attempt)
        case .retryLaterOnBudget:
            exchange.its.pool?.its.budget.noteRetry(second: now.seconds)
            retry(exchange, after: attempt, backOff: DataPlaneLimits.backOffMilliseconds)
        case .answer: giveUp(exchange, reason)
        case .deny:
            noteDenied(exchange)
            giveUp(exchange, reason)
        case .cut: cut(exchange, reason)
        }
    }

    private mutating func giveUp(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        if exchange.its.kind == .tunnel || reason == .clientClosed || reason == .clientTooSlow {
            cut(exchange, reason)
        } else {
            answer(exchange, reason)
        }
    }

    /// Ends both sides so that nobody takes what was sent for the whole. A client that has left
    /// before its response began is sent FIN: a reset would take along what it was sent before.
    private mutating func cut(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        let client = exchange.its.client
        let isPartial = exchange.its.kind == .tunnel || exchange.its.stage == .responding
        exchange.its.failure = reason
        if exchange.its.status == 0 { exchange.its.status = reason.status }
        if isPartial, exchange.its.kind == .http, !reason.isClientsEnd,
            let pool = exchange.its.pool
        {
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.cut.rawValue)
        }
        endExchange(exchange)
        client.its.exchange = nil
        if isPartial { client.its.wire.resetOnClose() }
        closeClient(client)
    }

    /// The present attempt is over without a whole response.
    private mutating func endAttempt(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        guard let replica = exchange.its.replica else { return }
        exchange.noteAttemptEnd(at: now, reason)
        if reason.blamesReplica, exchange.its.stage != .tunnelling {
            counters.replicas.add(1, row: replica.its.row, column: ReplicaColumn.failures.rawValue)
            noteFailure(exchange, of: replica)
        }
        leaveReplica(exchange)
        if let upstream = exchange.its.upstream {
            detach(exchange, upstream)
            closeUpstream(upstream)
        }
    }

    private mutating func leaveReplica(_ exchange: Ref<Exchange>) {
        guard let replica = exchange.its.replica else { return }
        links.board.end(replicaRow: replica.its.row, worker: index)
        replica.its.inFlight -= 1
        exchange.its.replica = nil
        let pool = replica.its.pool
        if pool.its.inFlightMaximum > 0 { wantRelease(of: pool) }
    }

    /// The exchange is over: counted, logged, forgotten. The client is the caller's business.
    mutating func endExchange(_ exchange: Ref<Exchange>) {
        if exchange.its.stage == .tunnelling { tunnelCount -= 1 }
        exchange.its.stage = .ended
        wheel.cancel(exchange.its.timer)
        if let replica = exchange.its.replica {
            exchange.noteAttemptEnd(at: now, nil)
            count(exchange, on: replica)
            noteAnswer(exchange, by: replica)
            leaveReplica(exchange)
        }
        if let upstream = exchange.its.upstream {
            detach(exchange, upstream)
            closeUpstream(upstream)
        }
        if let pool = exchange.its.pool { count(exchange, in: pool) }
        logExchange(exchange)
        if exchange.its.spanID != 0 { recordSpans(of: exchange) }
        abandon(exchange)
    }

    /// Gives back what the exchange holds, without a word.
    mutating func abandon(_ exchange: Ref<Exchange>) {
        guard exchange.its.isOpen else { return }
        if let request = exchange.its.request { store.give(request) }
        exchange.its.request = nil
        dropRequestTrailers(of: exchange)
        for position in 0..<exchange.attemptsDescribed {
            guard let replica = exchange.its.attempts[position].replica else { continue }
            replica.its.mentions -= 1
            if replica.its.isGone { freeIfUnused(replica) }
        }
        endRelease(of: exchange)
        endTrial(of: exchange)
        if let pool = exchange.its.pool {
            pool.its.useCount -= 1
            if pool.its.isGone { freeIfUnused(pool) }
        }
        exchanges.free(exchange)
    }

    private mutating func count(_ exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>) {
        let row = replica.its.row
        guard exchange.its.status >= 100 else { return }
        counters.replicas.add(
            1, row: row,
            column: ReplicaColumn.status1xx.rawValue + StatusClass.index(exchange.its.status))
        let wait = exchange.its.firstByteAt.nanoseconds(since: exchange.its.began)
        counters.replicas.add(
            wait / 1_000, row: row, column: ReplicaColumn.firstByteMicroseconds.rawValue)
        counters.replicas.add(
            1, row: row, column: ReplicaColumn.firstByte(microseconds: wait / 1_000))
    }

    private mutating func count(_ exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        let row = pool.its.pool.row
        if exchange.its.kind == .tunnel {
            counters.pools.add(1, row: row, column: PoolColumn.tunnels.rawValue)
        }
        if exchange.its.failure == .drained {
            counters.pools.add(1, row: row, column: PoolColumn.tunnelsDrained.rawValue)
            if exchange.its.tunnel.isWebSocket { exchange.note(.tunnelDrained) }
            countRescue(exchange, in: row)
        } else if exchange.its.failure != nil {
            counters.pools.add(1, row: row, column: PoolColumn.failures.rawValue)
        } else if exchange.its.rescue != nil {
            countRescue(exchange, in: row)
        }
        if exchange.its.bytesFromClient > 0 {
            counters.pools.add(
                exchange.its.bytesFromClient, row: row, column: PoolColumn.bytesFromClients.rawValue
            )
        }
        counters.pools.add(
            exchange.its.bytesToClient, row: row, column: PoolColumn.bytesToClients.rawValue)
        guard exchange.its.status >= 100 else { return }
        counters.pools.add(
            1, row: row,
            column: PoolColumn.status1xx.rawValue + StatusClass.index(exchange.its.status))
        guard exchange.its.kind == .http else { return }
        let microseconds = now.nanoseconds(since: exchange.its.began) / 1_000
        counters.pools.add(
            1, row: row,
            column: PoolColumn.histogram.rawValue + Histogram.bucket(microseconds: microseconds))
        counters.pools.add(
            microseconds, row: row, column: PoolColumn.latencyMicroseconds.rawValue)
    }
}

/// Where a status is counted.
enum StatusClass {
    /// 0 for 1xx to 4 for 5xx; anything above counts as 5xx.
    static func index(_ status: Int) -> Int { min(4, status / 100 - 1) }
}
