internal import Balancing
internal import Metrics
internal import Transport

/// Retries: what the verdict goes by, and what it leads to.
extension Worker {
    /// What is known of the present attempt, were it to fail for `reason`.
    mutating func failedAttempt(
        _ exchange: Ref<Exchange>, _ reason: FailureReason
    ) -> FailedAttempt {
        let settings = exchange.its.pool?.its.pool.settings ?? PoolSettings()
        let deadline = max(
            exchange.its.holdDeadline,
            exchange.its.began.adding(milliseconds: settings.holdTimeoutMilliseconds))
        let hasRoom = exchange.its.pool?.its.budget.allowsRetry(
            second: now.seconds, percent: settings.retryBudgetPercent,
            floor: settings.retryFloorPerSecond)
        return FailedAttempt(
            reason: reason,
            isIdempotent: exchange.its.isIdempotent,
            isReplayable: exchange.its.isReplayable
                && exchange.its.bytesFromClient <= snapshot.limits.replayBytesMaximum,
            hasSent: exchange.its.requestSent > 0,
            hasResponse: exchange.its.stage == .responding || exchange.its.stage == .tunnelling,
            isOnReusedConnection: exchange.its.isOnReusedConnection,
            hasRetriedFresh: exchange.its.hasRetriedFresh,
            hasBackedOff: exchange.its.hasBackedOff,
            attempts: exchange.its.connectedCount,
            connects: exchange.its.attemptCount,
            attemptsMaximum: settings.attemptsMaximum,
            isLate: now >= min(deadline, exchange.its.deadline),
            hasOther: hasOther(than: exchange.its.tried, exchange.its.pool),
            retriesFirstByte: settings.retriesFirstByte,
            isWithinBudget: hasRoom ?? false)
    }

    private mutating func hasOther(
        than tried: TriedReplicas, _ pool: Ref<UpstreamPool>?
    ) -> Bool {
        guard let pool, !pool.its.pool.isPaused else { return false }
        return source(for: pool).its.picker.hasReadyUntried(tried)
    }

    /// - Parameter backOff: how long the next attempt waits.
    mutating func retry(
        _ exchange: Ref<Exchange>, after attempt: FailedAttempt, backOff milliseconds: Int = 0
    ) {
        if attempt.hasSent {
            exchange.its.hasRetriedAfterSending = true
            switch attempt.reason {
            case .streamReset: exchange.its.hasRetriedFresh = true
            case .closedBeforeHeaders, .replicaLost:
                if !attempt.isOnReusedConnection { exchange.its.hasRetriedFresh = true }
            default: break
            }
        }
        if let pool = exchange.its.pool {
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.retries.rawValue)
        }
        exchange.its.firstByteAt = Instant(nanoseconds: 0)
        guard milliseconds > 0 else { return dispatch(exchange) }
        exchange.its.hasBackedOff = true
        exchange.its.stage = .backingOff
        wheel.set(exchange.its.timer, at: now.adding(milliseconds: milliseconds))
    }

    /// The moment is over; its pool may be, too.
    mutating func backOffEnded(_ exchange: Ref<Exchange>) {
        if exchange.its.pool?.its.isGone == true { return reroute(exchange) }
        dispatch(exchange)
    }

    /// A status that the pool wants tried elsewhere, and that can be: the client does not see it.
    mutating func isToBeRetried(_ exchange: Ref<Exchange>, status: Int) -> Bool {
        guard (502...504).contains(status), exchange.its.interimResponses == 0,
            let pool = exchange.its.pool, pool.its.pool.settings.retryStatuses.contains(status)
        else { return false }
        let verdict = verdict(on: failedAttempt(exchange, .retriedStatus))
        if verdict == .deny { noteDenied(exchange) }
        return verdict == .retryOnBudget
    }

    mutating func noteDenied(_ exchange: Ref<Exchange>) {
        guard let pool = exchange.its.pool else { return }
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.retriesDenied.rawValue)
    }

    /// Of no account unless it ends well.
    mutating func noteRescue(of exchange: Ref<Exchange>, from attempt: FailedAttempt) {
        switch attempt.reason {
        case .connectRefused: exchange.note(.connectRefused)
        case .connectTimeout, .connectUnreachable: exchange.note(.connectFailed)
        case .tlsHandshakeFailed, .tlsCertificateInvalid, .tlsAlertReceived:
            exchange.note(.connectFailed)
        case .replicaLost: exchange.note(.replicaEnded)
        case .retriedStatus: exchange.note(.status)
        case .firstByteTimeout: exchange.note(.firstByte)
        case .streamRefused, .streamReset: exchange.note(.closedEarly)
        case .closedBeforeHeaders:
            let age = now.milliseconds(since: exchange.its.attemptBegan)
            if age >= DataPlaneLimits.startOfWorkMilliseconds {
                exchange.note(.replicaEnded)
            } else {
                exchange.note(attempt.isOnReusedConnection ? .staleConnection : .closedEarly)
            }
        default: break
        }
    }

    /// Counts what the exchange was rescued from, if it was from anything.
    mutating func countRescue(_ exchange: Ref<Exchange>, in row: Int) {
        guard let rescue = exchange.its.rescue else { return }
        // The last replica answered like those before it.
        if rescue == .status, exchange.its.status >= 500 { return }
        counters.pools.add(1, row: row, column: PoolColumn.rescued.rawValue)
        counters.pools.add(1, row: row, column: PoolColumn.rescued(rescue))
    }
}
