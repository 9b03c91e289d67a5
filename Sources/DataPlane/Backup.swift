internal import Balancing
internal import Metrics

/// Pools that stand in for a pool which has nothing ready.
extension Worker {
    /// The pool whose replicas take the next attempt: the exchange's own, or, while that has none
    /// ready, the first one along its backups that has. Its own last resort comes after these.
    mutating func source(for pool: Ref<UpstreamPool>) -> Ref<UpstreamPool> {
        if pool.its.pool.backup == nil || pool.its.picker.hasReady && !pool.its.isShut {
            return pool
        }
        return standIn(for: pool) ?? pool
    }

    /// Whether a request to the pool has somewhere to go now.
    mutating func hasOffer(_ pool: Ref<UpstreamPool>) -> Bool {
        endAvoidance(in: pool)
        if pool.its.picker.hasAny, !pool.its.isShut { return true }
        return pool.its.pool.backup != nil && standIn(for: pool) != nil
    }

    /// A pool took an exchange over that was meant for another.
    mutating func noteBackup(_ exchange: Ref<Exchange>, _ pool: Ref<UpstreamPool>) {
        guard !exchange.its.isBackedUp else { return }
        exchange.its.isBackedUp = true
        exchange.note(.yielded)
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.yielded.rawValue)
    }

    /// Nobody stands in for a pool that an operator has paused, and no paused one stands in, nor
    /// one whose circuit is not closed.
    private mutating func standIn(for pool: Ref<UpstreamPool>) -> Ref<UpstreamPool>? {
        var next = pool.its.pool.backup
        for _ in 0..<DataPlaneLimits.backupsMaximum {
            guard let position = next, position < poolsByPosition.count else { return nil }
            let candidate = poolsByPosition[position]
            endAvoidance(in: candidate)
            if candidate.its.picker.hasReady, !candidate.its.pool.isPaused,
                !candidate.its.isGuarded
            {
                return candidate
            }
            next = candidate.its.pool.backup
        }
        return nil
    }
}
