/// What a picker has learned about a replica from its answers. Times are nanoseconds.
struct ReplicaFigures: BitwiseCopyable, Sendable {
    /// The time to the first byte: a mean over the last seconds that follows a peak at once. Zero
    /// is unknown.
    var latency = 0.0
    /// When it last answered.
    var learnedAt: UInt64 = 0
    /// How many failures still count as if they were in flight, at `failedAt`.
    var failures = 0.0
    var failedAt: UInt64 = 0
}

/// How an attempt ended, for the pickers that learn.
public enum AttemptOutcome: Sendable, BitwiseCopyable {
    /// With a whole response below 500: how long its first byte took, and its end.
    case answered(firstByteNanoseconds: UInt64, nanoseconds: UInt64)
    /// With a status of 500 and above, or without a whole response.
    case failed(nanoseconds: UInt64)
}

extension PoolPicker {
    /// Over what time latencies are averaged, and a replica that was slow is tried again.
    static let latencyMemoryNanoseconds = 10e9
    /// A failure counts as an answer that took so long, at the least.
    static let failureNanoseconds = 1e9
    /// A failure counts as in flight at least so long.
    static let penaltyNanosecondsMinimum = 1e6
    /// After so many times the time that an answer takes, a failure is forgotten.
    static let penaltyLifetimes = 12.0

    /// An attempt has ended: what the next picks go by. Does nothing unless `learns`.
    ///
    /// - Parameters:
    ///   - position: of the replica, in the pool that was adopted last.
    ///   - now: monotonic nanoseconds, as in `pick`.
    public mutating func note(_ outcome: AttemptOutcome, position: Int, now: UInt64) {
        guard learns, position < indexOfPosition.count else { return }
        let index = Int(indexOfPosition[position])
        guard index >= 0 else { return }
        switch outcome {
        case .answered(let firstByte, let nanoseconds):
            let part = usualNanoseconds == 0 ? 1.0 : 1.0 / 32
            usualNanoseconds += (Double(nanoseconds) - usualNanoseconds) * part
            noteLatency(index, Double(firstByte), now)
        case .failed(let nanoseconds):
            notePenalty(index, now)
            let least = max(PoolPicker.failureNanoseconds, 4 * usualNanoseconds)
            noteLatency(index, max(Double(nanoseconds), least), now)
        }
    }

    /// A replica that fails at once has little in flight, and would look like a free one. So each
    /// failure counts as one in flight for as long as a good answer usually takes.
    private mutating func notePenalty(_ index: Int, _ now: UInt64) {
        figures[index].failures = penalty(of: index, now) + 1
        figures[index].failedAt = now
        let lifetime = penaltyNanoseconds * PoolPicker.penaltyLifetimes
        penaltiesEnd = max(penaltiesEnd, now &+ UInt64(lifetime))
    }

    /// What is still left of the failures of a member, in attempts in flight.
    func penalty(of index: Int, _ now: UInt64) -> Double {
        let failures = figures[index].failures
        guard failures > 0 else { return 0 }
        let age = elapsed(since: figures[index].failedAt, now) / penaltyNanoseconds
        return age > PoolPicker.penaltyLifetimes ? 0 : failures * decay(age)
    }

    private var penaltyNanoseconds: Double {
        max(usualNanoseconds, PoolPicker.penaltyNanosecondsMinimum)
    }

    private mutating func noteLatency(_ index: Int, _ latency: Double, _ now: UInt64) {
        let before = self.latency(of: index, now)
        if latency >= before || figures[index].latency == 0 {
            figures[index].latency = latency
        } else {
            let age = elapsed(since: figures[index].learnedAt, now)
            let part = decay(age / PoolPicker.latencyMemoryNanoseconds)
            // At least a little each time, or a burst of answers at one moment would teach nothing.
            let weight = min(part, 1 - 1e-4)
            figures[index].latency = before * weight + latency * (1 - weight)
        }
        figures[index].learnedAt = now
    }

    /// What it would take now, as far as is known: the less the longer nobody has asked it. An
    /// unknown one is taken for a usual one.
    func latency(of index: Int, _ now: UInt64) -> Double {
        let known = figures[index].latency
        guard known > 0 else { return usualNanoseconds }
        let age = elapsed(since: figures[index].learnedAt, now)
        return known * decay(age / PoolPicker.latencyMemoryNanoseconds)
    }

    private func elapsed(since past: UInt64, _ now: UInt64) -> Double {
        now > past ? Double(now &- past) : 0
    }

    /// Like e to the power of minus `age`, without a call: 1 at 0, 0.38 at 1, 0.004 at 10.
    private func decay(_ age: Double) -> Double {
        1 / (1 + age * (1 + age * (0.5 + age / 6)))
    }

    /// Members have changed: each keeps its figures.
    mutating func keepFigures(of former: [Int32: ReplicaFigures], positions: Int) {
        figures.removeAll(keepingCapacity: true)
        indexOfPosition.removeAll(keepingCapacity: true)
        guard learns else { return }
        figures.append(contentsOf: members.map { former[$0.row] ?? ReplicaFigures() })
        indexOfPosition.append(contentsOf: repeatElement(-1, count: positions))
        for (index, member) in members.enumerated() {
            indexOfPosition[Int(member.position)] = Int32(index)
        }
    }
}
