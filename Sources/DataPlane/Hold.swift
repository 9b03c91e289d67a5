internal import Balancing
internal import Metrics
internal import Transport

/// Requests that wait because no replica of their pool is ready: in order, bounded in number and
/// time.
extension Worker {
    mutating func hold(_ exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) {
        guard !exchange.its.isHeld else { return }
        let settings = pool.its.pool.settings
        guard pool.its.heldCount < settings.holdRequestsMaximum else {
            return fail(exchange, .holdFull)
        }
        if exchange.its.holdBegan.nanoseconds == 0 {
            exchange.its.holdBegan = now
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holds.rawValue)
        }
        guard now < holdDeadline(of: exchange, settings) else { return holdTimedOut(exchange) }
        exchange.its.stage = .held
        link(exchange, to: pool)
        links.observations.push(Observation(kind: .held, poolRow: pool.its.pool.row))
        links.wakeup.signal()
        scheduleCheck(of: exchange, settings)
    }

    /// The snapshot changed: whoever waits may have somewhere to go.
    mutating func releaseHeld(of pool: Ref<UpstreamPool>) {
        guard pool.its.heldCount > 0, !pool.its.pool.isPaused else { return }
        if pool.its.avoidedCount > 0 { endAvoidance(in: pool) }
        var remaining = pool.its.heldCount
        while remaining > 0, hasOffer(pool), let exchange = pool.its.firstHeld {
            remaining -= 1
            release(exchange)
            exchange.its.tried = TriedReplicas()
            dispatch(exchange)
        }
    }

    /// A waiting exchange looks for itself, now and then and at its deadline.
    mutating func heldCheck(_ exchange: Ref<Exchange>) {
        guard let pool = exchange.its.pool else { return }
        let settings = pool.its.pool.settings
        guard now < holdDeadline(of: exchange, settings) else {
            release(exchange)
            return holdTimedOut(exchange)
        }
        if pool.its.avoidedCount > 0 { endAvoidance(in: pool) }
        if hasOffer(pool), !pool.its.pool.isPaused {
            releaseHeld(of: pool)
        }
        if exchange.its.isOpen, exchange.its.isHeld { scheduleCheck(of: exchange, settings) }
    }

    /// Takes the exchange out of the queue, for whatever comes next.
    mutating func release(_ exchange: Ref<Exchange>) {
        guard exchange.its.isHeld, let pool = exchange.its.pool else { return }
        exchange.its.heldNanoseconds = now.nanoseconds(since: exchange.its.holdBegan)
        unlink(exchange, from: pool)
        wheel.cancel(exchange.its.timer)
    }

    private mutating func holdTimedOut(_ exchange: Ref<Exchange>) {
        if let pool = exchange.its.pool {
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holdTimeouts.rawValue)
        }
        fail(exchange, .noReadyReplica)
    }

    private mutating func holdDeadline(of exchange: Ref<Exchange>, _ settings: PoolSettings)
        -> Instant
    {
        exchange.its.holdBegan.adding(milliseconds: settings.holdTimeoutMilliseconds)
    }

    private mutating func scheduleCheck(of exchange: Ref<Exchange>, _ settings: PoolSettings) {
        let check = now.adding(milliseconds: DataPlaneLimits.holdCheckMilliseconds)
        wheel.set(exchange.its.timer, at: min(check, holdDeadline(of: exchange, settings)))
    }

    private mutating func link(_ exchange: Ref<Exchange>, to pool: Ref<UpstreamPool>) {
        exchange.its.isHeld = true
        exchange.its.previousHeld = pool.its.lastHeld
        exchange.its.nextHeld = nil
        if let last = pool.its.lastHeld {
            last.its.nextHeld = exchange
        } else {
            pool.its.firstHeld = exchange
        }
        pool.its.lastHeld = exchange
        pool.its.heldCount += 1
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.holding.rawValue)
    }

    private mutating func unlink(_ exchange: Ref<Exchange>, from pool: Ref<UpstreamPool>) {
        let previous = exchange.its.previousHeld
        let next = exchange.its.nextHeld
        if let previous { previous.its.nextHeld = next } else { pool.its.firstHeld = next }
        if let next { next.its.previousHeld = previous } else { pool.its.lastHeld = previous }
        exchange.its.isHeld = false
        exchange.its.previousHeld = nil
        exchange.its.nextHeld = nil
        pool.its.heldCount -= 1
        counters.pools.subtract(1, row: pool.its.pool.row, column: PoolColumn.holding.rawValue)
    }
}
