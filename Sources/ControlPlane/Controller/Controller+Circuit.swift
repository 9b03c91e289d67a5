internal import Balancing
internal import Metrics
internal import Transport

/// Circuits of pools, as real traffic opens and closes them.
extension Controller {
    func watchCircuits() {
        let now = Instant.now().milliseconds
        for pool in pools {
            let before = pool.circuit.phase
            guard let cause = pool.judgeCircuit(by: sums, now: now) else { continue }
            let after = pool.circuit.phase
            log.write(
                after == .closed ? .info : .warning,
                "pool=\(pool.name) circuit \(before.word) -> \(after.word) cause=\"\(cause)\"")
            markDue()
        }
    }
}

extension CircuitState.Phase {
    /// As status, log and metrics have it.
    var word: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .trial: "trial"
        }
    }

    /// As workers know it.
    var forWorkers: Circuit {
        switch self {
        case .closed: .closed
        case .open(let end): .open(until: UInt64(max(0, end)) * 1_000_000)
        case .trial: .trial
        }
    }
}

/// What came of attempts: answered with whatever status, or not.
struct AttemptCounts: Equatable {
    var answered = 0
    var unanswered = 0

    mutating func add(_ total: AttemptCounts, since before: AttemptCounts) {
        answered += max(0, total.answered - before.answered)
        unanswered += max(0, total.unanswered - before.unanswered)
    }
}

extension CounterSums {
    /// Of a replica. Connects that failed are no attempts: no request has waited for an answer.
    func attempts(replica row: Int) -> AttemptCounts {
        AttemptCounts(
            answered: answers(replica: row) + replica(row, .tunnels),
            unanswered: max(0, replica(row, .failures) - replica(row, .connectFailures)))
    }
}
