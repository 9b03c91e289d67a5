internal import Balancing
internal import Transport

/// Pools that do not answer: their requests are answered at once, or tried one at a time.
extension Worker {
    /// Whether a request of a pool whose circuit is not closed goes on; else it has been answered.
    mutating func mayTry(_ exchange: Ref<Exchange>, _ pool: Ref<UpstreamPool>) -> Bool {
        if pool.its.pool.isPaused || exchange.its.isTrial { return true }
        if !pool.its.isShut, pool.its.trials == 0, pool.its.nextTrial <= now {
            pool.its.trials = 1
            exchange.its.isTrial = true
            return true
        }
        retryAfterSeconds = 1
        if case .open(let end) = pool.its.pool.circuit, end > now.nanoseconds {
            retryAfterSeconds = Int((end - now.nanoseconds + 999_999_999) / 1_000_000_000)
        }
        fail(exchange, .circuitOpen)
        return false
    }

    /// It is over, or opened, or goes elsewhere: the next one may be tried, after one that failed
    /// only when the control plane has had time to judge.
    mutating func endTrial(of exchange: Ref<Exchange>) {
        guard exchange.its.isTrial, let pool = exchange.its.pool else { return }
        exchange.its.isTrial = false
        pool.its.trials -= 1
        if exchange.its.failure != nil {
            pool.its.nextTrial = now.adding(milliseconds: DataPlaneLimits.trialPauseMilliseconds)
        }
    }
}
