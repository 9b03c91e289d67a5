internal import Metrics

/// What a pool did, counted from some moment on.
struct PoolCounts: Equatable, Sendable {
    /// Answers given to clients.
    var requests = 0
    /// Those of them that were errors of the pool: 5xx, weir's own for it included, and those cut.
    var errors = 0
    /// By bucket of `Histogram`; as many as were timed, or empty.
    var latencies: [UInt64] = []

    init() {}

    init(requests: Int, errors: Int, latencies: [UInt64] = []) {
        self.requests = requests
        self.errors = errors
        self.latencies = latencies
    }

    /// What was counted since `earlier`, without the latencies. Nil if less is counted now than
    /// then, which means that the counters began anew.
    func since(_ earlier: PoolCounts) -> PoolCounts? {
        guard requests >= earlier.requests, errors >= earlier.errors else { return nil }
        return PoolCounts(
            requests: requests - earlier.requests, errors: errors - earlier.errors)
    }

    /// By bucket.
    func latencies(since earlier: PoolCounts) -> [UInt64] {
        guard earlier.latencies.count == latencies.count else { return latencies }
        var difference = latencies
        for (index, then) in earlier.latencies.enumerated() where then > 0 {
            difference[index] = difference[index] > then ? difference[index] - then : 0
        }
        return difference
    }

    /// Nil without any request.
    var errorShare: Double? { requests > 0 ? Double(errors) / Double(requests) : nil }

    /// Milliseconds that the share `quantile` of the requests took at most.
    func latencyMilliseconds(_ quantile: Double) -> Double? {
        Histogram.quantile(quantile, counts: latencies).map { $0 / 1000 }
    }

    static func + (left: PoolCounts, right: PoolCounts) -> PoolCounts {
        var sum = left
        sum.requests += right.requests
        sum.errors += right.errors
        if sum.latencies.isEmpty {
            sum.latencies = right.latencies
        } else if right.latencies.count == sum.latencies.count {
            for index in sum.latencies.indices { sum.latencies[index] &+= right.latencies[index] }
        }
        return sum
    }
}

/// What `weir rollout status` tells of one side of the comparison.
public struct RolloutFigures: Equatable, Sendable {
    public var requests = 0
    public var errors = 0
    /// In percent; nil without a request.
    public var errorPercent: Double?
    /// At the quantile of the plan; nil without a request that was timed.
    public var latencyMilliseconds: Double?

    public init() {}

    init(_ counts: PoolCounts, quantile: Double) {
        requests = counts.requests
        errors = counts.errors
        errorPercent = counts.errorShare.map { ($0 * 10_000).rounded() / 100 }
        latencyMilliseconds = counts.latencyMilliseconds(quantile).map {
            ($0 * 100).rounded() / 100
        }
    }
}
