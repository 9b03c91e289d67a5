internal import Transport

/// Samples of the counters of the last minute, for rates and quantiles that are about now.
struct RecentFigures {
    /// Counts at one moment, by row.
    struct Sample {
        var at: Instant
        /// Requests by pool.
        var requests: [Int: Int] = [:]
        /// Latency buckets by pool.
        var histograms: [Int: [UInt64]] = [:]
        /// Answered attempts by replica.
        var answers: [Int: Int] = [:]

        init(at: Instant) { self.at = at }
    }

    static let intervalMilliseconds = 10_000
    static let samplesMaximum = 7
    private var samples: [Sample] = []

    /// Call it once in each interval.
    mutating func add(_ sample: Sample) {
        if samples.count == RecentFigures.samplesMaximum { samples.removeFirst() }
        samples.append(sample)
    }

    /// Requests to a pool in a second, from the oldest sample to `now`.
    func requestsPerSecond(pool row: Int, now: Sample) -> Double {
        rate(now, now.requests[row], samples.first?.requests[row])
    }

    /// Answers of a replica in a second.
    func answersPerSecond(replica row: Int, now: Sample) -> Double {
        rate(now, now.answers[row], samples.first?.answers[row])
    }

    /// The latency buckets of what ended since the oldest sample.
    func histogram(pool row: Int, now: Sample) -> [UInt64] {
        guard let present = now.histograms[row] else { return [] }
        guard let past = samples.first?.histograms[row] else { return present }
        // A row that was cleared since, for another pool, starts from zero.
        return zip(present, past).map { $0 >= $1 ? $0 - $1 : $0 }
    }

    private func rate(_ now: Sample, _ present: Int?, _ past: Int?) -> Double {
        guard let present, let first = samples.first else { return 0 }
        let past = past ?? 0
        let seconds = Double(now.at.nanoseconds(since: first.at)) / 1e9
        guard seconds > 0 else { return 0 }
        let count = present >= past ? present - past : present
        return (Double(count) / seconds * 10).rounded() / 10
    }
}
