internal import Metrics

/// What the counters of several reports say about the last seconds.
struct TopFigures {
    /// How far back a rate looks, and for how long its course is kept.
    static let rateMilliseconds = 3_000
    static let reportsMaximum = 60

    private var reports: [StatusReport] = []

    var newest: StatusReport { reports.last ?? StatusReport() }

    mutating func add(_ report: StatusReport) {
        // A weir that was started anew counts from zero.
        if let last = reports.last, last.uptimeMilliseconds > report.uptimeMilliseconds {
            reports = []
        }
        if reports.count == TopFigures.reportsMaximum { reports.removeFirst() }
        reports.append(report)
    }

    /// The report that rates are counted from; nil while there is only one.
    private var earlier: StatusReport? {
        let limit = newest.uptimeMilliseconds - TopFigures.rateMilliseconds
        return reports.dropLast().first { $0.uptimeMilliseconds >= limit }
            ?? reports.dropLast().last
    }

    private func rate(_ present: Int, _ past: Int?) -> Double? {
        guard let earlier, let past else { return nil }
        let elapsed = newest.uptimeMilliseconds - earlier.uptimeMilliseconds
        return elapsed > 0 ? Double(max(0, present - past)) / Double(elapsed) * 1_000 : nil
    }

    /// What a pool counts in a second; nil while that is not known.
    func rate(_ pool: PoolReport, _ counter: KeyPath<PoolReport, Int>) -> Double? {
        let past = earlier?.pools.first { $0.name == pool.name }
        return rate(pool[keyPath: counter], past?[keyPath: counter])
    }

    func requests(_ pool: PoolReport) -> Double {
        rate(pool, \.requests) ?? pool.requestsPerSecond
    }

    func requests(_ listener: ListenerReport) -> Double? {
        let past = earlier?.listeners.first { $0.name == listener.name }
        return listener.mode == "http"
            ? rate(listener.requests, past?.requests) : rate(listener.accepted, past?.accepted)
    }

    /// Answers of each replica of a pool in a second, in their order.
    func answers(_ pool: PoolReport) -> [Double] {
        let past = earlier?.pools.first { $0.name == pool.name }?.replicas ?? []
        let before = Dictionary(past.map { ($0.address, $0.answered) }) { $1 }
        return pool.replicas.map {
            rate($0.answered, before[$0.address]) ?? $0.requestsPerSecond
        }
    }

    /// The share of answers that were 5xx, lately.
    func errorShare(_ pools: [PoolReport]) -> Double {
        let errors = pools.reduce(0) { $0 + (rate($1, \.responses.status5xx) ?? 0) }
        let all = pools.reduce(0) { $0 + (rate($1, \.responses.total) ?? 0) }
        return all > 0 ? errors / all : 0
    }

    /// In milliseconds; nil without a request.
    func quantile(_ quantile: Double, _ pools: [PoolReport]) -> Double? {
        var counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
        for pool in pools {
            let past = earlier?.pools.first { $0.name == pool.name }?.durations ?? []
            let before = Dictionary(past.map { ($0.belowMicroseconds, $0.count) }) { $1 }
            for duration in pool.durations {
                let count = max(0, duration.count - before[duration.belowMicroseconds, default: 0])
                let microseconds = UInt64(max(0, duration.belowMicroseconds - 1))
                counts[Histogram.bucket(microseconds: microseconds)] += UInt64(count)
            }
        }
        return Histogram.quantile(quantile, counts: counts).map { ($0 / 10).rounded() / 100 }
    }

    /// Requests of these pools in each interval that is known, the oldest first.
    func course(_ names: [String]) -> [Double] {
        zip(reports, reports.dropFirst()).map { past, now in
            let elapsed = max(1, now.uptimeMilliseconds - past.uptimeMilliseconds)
            let count = now.pools.filter { names.contains($0.name) }.reduce(0) { sum, pool in
                let before = past.pools.first { $0.name == pool.name }?.requests ?? pool.requests
                return sum + max(0, pool.requests - before)
            }
            return Double(count) / Double(elapsed) * 1_000
        }
    }
}

extension ReplicaReport {
    fileprivate var answered: Int { responses.total + tunnels }
}
