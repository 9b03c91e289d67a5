internal import Balancing
internal import Metrics
internal import Transport

/// Requests that wait because no replica of their pool is ready, the pool is paused, or others wait
/// before them: in order, bounded in number, bytes and time.
extension Worker {
    mutating func hold(_ exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        guard !exchange.its.isHeld else { return }
        endRelease(of: exchange)
        exchange.its.heldBytes = bytesKept(by: exchange)
        guard pool.its.queue.hasRoom(bytes: exchange.its.heldBytes, pool.its.pool.settings) else {
            return fail(exchange, .holdFull)
        }
        if exchange.its.holdBegan.nanoseconds == 0 {
            exchange.its.holdBegan = now
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holds.rawValue)
        }
        exchange.note(.held)
        extendHold(of: exchange, in: pool)
        guard now < exchange.its.holdDeadline else { return holdTimedOut(exchange, in: pool) }
        exchange.its.stage = .held
        pool.its.queue.insert(exchange)
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holding.rawValue)
        scheduleCheck(of: exchange, in: pool)
        if hasOffer(pool), hasRoom(source(for: pool)) { return wantRelease(of: pool) }
        links.observations.push(Observation(kind: .held, poolRow: pool.its.pool.row))
        links.wakeup.signal()
    }

    /// Looks at the end of the turn whether one of the pool's can go. Not at once, since it may end
    /// at once as well, and so would the next one inside of it.
    mutating func wantRelease(of pool: Ref<UpstreamPool>) {
        guard !pool.its.wantsRelease, !pool.its.queue.isEmpty else { return }
        pool.its.wantsRelease = true
        poolsToRelease.append(pool)
    }

    /// The end of the turn.
    mutating func releaseWanted() {
        while let pool = poolsToRelease.popLast() {
            pool.its.wantsRelease = false
            releaseHeld(of: pool)
        }
    }

    /// Whoever waits may have somewhere to go: as many as may be under way at once, in order.
    private mutating func releaseHeld(of pool: Ref<UpstreamPool>) {
        guard !pool.its.queue.isEmpty, !pool.its.pool.isPaused else { return }
        endAvoidance(in: pool)
        while let exchange = pool.its.queue.next(
            replicas: source(for: pool).its.picker.usableCount, pool.its.pool.settings)
        {
            guard hasRoom(source(for: pool)) else { return scheduleCheck(of: exchange, in: pool) }
            release(exchange)
            pool.its.queue.noteReleased(exchange)
            // Whom it could not reach may be back; whom it reached had its chance.
            if exchange.its.connectedCount == 0 { exchange.its.tried = TriedReplicas() }
            dispatch(exchange)
        }
    }

    /// One that was released needs its replica's attention no more.
    mutating func endRelease(of exchange: Ref<Exchange>) {
        guard exchange.its.isReleased, let pool = exchange.its.pool else { return }
        pool.its.queue.noteReleaseEnd(exchange)
        wantRelease(of: pool)
    }

    /// A waiting exchange looks for itself, now and then and at its deadline.
    mutating func heldCheck(_ exchange: Ref<Exchange>) {
        guard let pool = exchange.its.pool else { return }
        extendHold(of: exchange, in: pool)
        guard now < exchange.its.holdDeadline else {
            release(exchange)
            return holdTimedOut(exchange, in: pool)
        }
        if yieldsNow(exchange) { return }
        wantRelease(of: pool)
        scheduleCheck(of: exchange, in: pool)
    }

    /// Takes the exchange out of the queue, for whatever comes next.
    mutating func release(_ exchange: Ref<Exchange>) {
        guard exchange.its.isHeld, let pool = exchange.its.pool else { return }
        exchange.its.heldNanoseconds = now.nanoseconds(since: exchange.its.holdBegan)
        pool.its.queue.remove(exchange)
        counters.pools.subtract(1, row: pool.its.pool.row, column: PoolColumn.holding.rawValue)
        wheel.cancel(exchange.its.timer)
    }

    private mutating func holdTimedOut(_ exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holdTimeouts.rawValue)
        let reason: FailureReason =
            exchange.its.deadline <= now
            ? .deadlinePassed
            : pool.its.pool.isPaused
                ? .paused : hasOffer(pool) ? .holdTimeout : .noReadyReplica
        fail(exchange, reason)
    }

    /// A pause may let requests wait longer than usual; what one was promised it keeps after the
    /// pause, when the line before it takes its time.
    private mutating func extendHold(of exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        let limit = pool.its.pool.settings.holdTimeoutMilliseconds
        let end = max(
            exchange.its.holdDeadline, exchange.its.holdBegan.adding(milliseconds: limit))
        exchange.its.holdDeadline = min(end, exchange.its.deadline)
    }

    /// Looks again soon, when a replica need no longer be avoided, or at the deadline.
    private mutating func scheduleCheck(of exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        let isNext = pool.its.inFlightMaximum > 0 && pool.its.queue.first == exchange
        let check = now.adding(
            milliseconds: isNext
                ? DataPlaneLimits.fullCheckMilliseconds : DataPlaneLimits.holdCheckMilliseconds)
        let next = min(check, exchange.its.holdDeadline, max(pool.its.avoidanceEnds, now))
        wheel.set(exchange.its.timer, at: next)
    }

    private mutating func bytesKept(by exchange: Ref<Exchange>) -> Int {
        (exchange.its.request?.capacity ?? 0) + (exchange.its.client.its.input?.capacity ?? 0)
    }
}
