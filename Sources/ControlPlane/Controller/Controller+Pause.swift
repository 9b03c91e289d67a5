internal import Balancing
internal import Metrics

/// Letting the requests of a pool wait, and letting them go.
extension Controller {
    /// What a pause may last for one request, in milliseconds.
    static let waitMilliseconds = AdminClient.pauseMilliseconds

    /// Requests to the pool wait until `resume`.
    ///
    /// - Parameter waitMilliseconds: how long each waits at most; nil is the time-out of the pool's
    ///   hold.
    /// - Throws: if there is no such pool, if the time is out of range, or if the pool may not let
    ///   requests wait.
    func pause(pool name: String, waitMilliseconds: Int?) throws(ControlError) {
        try pause(pool: name, waitMilliseconds: waitMilliseconds, cause: "operator")
        saveState()
    }

    /// The same for a cause of its own; the caller saves the state.
    func pause(
        pool name: String, waitMilliseconds: Int?, cause: String
    ) throws(ControlError) {
        let pool = try pool(name)
        if let waitMilliseconds, !Controller.waitMilliseconds.contains(waitMilliseconds) {
            throw ControlError(
                "wait_at_most_ms is \(waitMilliseconds); it may be 1 to 3600000")
        }
        guard pool.configuration.settings.holdRequestsMaximum > 0 else {
            throw ControlError(
                "pool \(name) has hold: off, so that requests cannot wait there; they would fail")
        }
        set(pool, .paused(waitMilliseconds: waitMilliseconds), cause)
    }

    /// Requests that waited go on, in their order.
    ///
    /// - Throws: if there is no such pool.
    func resume(pool name: String) throws(ControlError) {
        let pool = try pool(name)
        guard case .paused(let waitMilliseconds) = pool.pause else { return }
        let own = pool.configuration.settings.holdTimeoutMilliseconds
        set(pool, .resumed(waitMilliseconds: max(waitMilliseconds ?? own, own)), "operator")
        saveState()
    }

    /// The pool's own time-out is back once nobody waits any more who came during the pause.
    func endResumed() {
        for pool in pools {
            guard case .resumed = pool.pause, adoptedGeneration >= pool.pausedGeneration,
                sums.pool(pool.row, .holding) == 0
            else { continue }
            pool.pause = .none
            markDue()
        }
    }

    private func set(_ pool: RunningPool, _ pause: RunningPool.Pause, _ cause: String) {
        guard pool.pause != pause else { return }
        if pool.pause.isPaused != pause.isPaused {
            log.write(
                .info,
                "pool=\(pool.name) \(pause.isPaused ? "serving -> paused" : "paused -> serving")"
                    + " cause=\"\(cause)\"")
        }
        pool.pause = pause
        markDue()
        publishIfDue()
        pool.pausedGeneration = generation
    }
}
