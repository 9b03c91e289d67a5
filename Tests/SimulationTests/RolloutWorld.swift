import Glibc
import Metrics

@testable import Balancing
@testable import ControlPlane

/// How long requests take: most a log-normal time, some a time with a heavy tail (Pareto), as
/// shares of requests by bucket of the histogram.
struct LatencyShape {
    var medianMicroseconds = 20_000.0
    /// Of the logarithm.
    var deviation = 0.5
    var tailShare = 0.02
    var tailMicroseconds = 60_000.0
    /// The smaller, the heavier.
    var tailExponent = 1.5

    /// All of it twice as slow: the 99th percentile too.
    var doubled: LatencyShape {
        var shape = self
        shape.medianMicroseconds *= 2
        shape.tailMicroseconds *= 2
        return shape
    }

    /// Only the tail is twice as slow; what most clients see is the same.
    var doubledTail: LatencyShape {
        var shape = self
        shape.tailMicroseconds *= 2
        return shape
    }

    private func share(above microseconds: Double) -> Double {
        guard microseconds > 0 else { return 1 }
        let score = log(microseconds / medianMicroseconds) / deviation
        let body = 0.5 * erfc(score / 2.0.squareRoot())
        let tail =
            microseconds <= tailMicroseconds
            ? 1 : pow(tailMicroseconds / microseconds, tailExponent)
        return (1 - tailShare) * body + tailShare * tail
    }

    var buckets: [(bucket: Int, share: Double)] {
        (0..<Histogram.bucketCount).compactMap { bucket in
            let low = share(above: Double(Histogram.lowerBound(ofBucket: bucket)))
            let high =
                bucket == Histogram.bucketCount - 1
                ? 0 : share(above: Double(Histogram.upperBound(ofBucket: bucket)))
            return low - high > 1e-9 ? (bucket, low - high) : nil
        }
    }
}

/// A pool under traffic that comes at random moments.
struct SimulatedPool {
    var errorShare: Double
    let buckets: [(bucket: Int, share: Double)]
    var counts = PoolCounts(
        requests: 0, errors: 0, latencies: Array(repeating: 0, count: Histogram.bucketCount))

    init(errorShare: Double, _ shape: LatencyShape) {
        self.errorShare = errorShare
        buckets = shape.buckets
    }

    mutating func serve(_ expected: Double, _ chance: inout Chance) {
        var served = 0
        for (bucket, share) in buckets {
            let count = chance.poisson(expected * share)
            counts.latencies[bucket] += UInt64(count)
            served += count
        }
        counts.requests += served
        counts.errors += min(served, chance.poisson(expected * errorShare))
    }
}

/// Random numbers that are the same in every run.
struct Chance {
    private var source: RandomSource
    init(_ seed: UInt64) { source = RandomSource(seed: seed) }

    /// 0 to 1.
    mutating func unit() -> Double { Double(source.next() >> 11) / 9_007_199_254_740_992 }
    mutating func below(_ bound: Int) -> Int { Int(unit() * Double(bound)) }

    mutating func poisson(_ mean: Double) -> Int {
        if mean > 40 {
            let angle = 2 * Double.pi * unit()
            let normal = (-2 * log(1 - unit())).squareRoot() * cos(angle)
            return max(0, Int((mean + normal * mean.squareRoot()).rounded()))
        }
        var product = unit()
        let limit = exp(-mean)
        var count = 0
        while product > limit {
            product *= unit()
            count += 1
        }
        return count
    }
}

/// One rollout, from its begin to its end or to the end of patience.
struct SimulatedRollout {
    var state: RolloutState
    var canary: SimulatedPool
    var stable: SimulatedPool
    var chance: Chance
    var requestsPerSecond = 2_000.0
    /// Between two looks.
    var intervalMilliseconds = 1_000
    private(set) var now = 0
    /// When the canary had the requests that a pass takes, in its first step.
    private(set) var enoughAt: Int?
    private(set) var endedAt: Int?

    init(plan: RolloutPlan, canary: SimulatedPool, stable: SimulatedPool, seed: UInt64) {
        var record = RolloutRecord()
        record.split = "app"
        record.plan = plan
        record.weightsBefore = [PoolWeight("stable", 1), PoolWeight(plan.to, 0)]
        state = RolloutState(record)
        self.canary = canary
        self.stable = stable
        chance = Chance(seed)
        _ = state.handle(.begin, at: RolloutTime(milliseconds: 0, wall: ""))
    }

    mutating func look() {
        let expected = requestsPerSecond * Double(intervalMilliseconds) / 1_000
        let share = Double(state.record.percent ?? 0) / 100
        if share > 0 { canary.serve(expected * share, &chance) }
        if share < 1 { stable.serve(expected * (1 - share), &chance) }
        now += intervalMilliseconds
        let reading = RolloutReading(canary: canary.counts, stable: stable.counts, ready: 1)
        _ = state.handle(.tick(reading), at: RolloutTime(milliseconds: now, wall: ""))
        if enoughAt == nil, state.record.stepsTaken == 1, let verdict = state.verdict,
            verdict.requests >= verdict.requestsNeeded
        {
            enoughAt = now
        }
        if !state.isActive, endedAt == nil { endedAt = now }
    }

    mutating func run(looks: Int) {
        for _ in 0..<looks where state.isActive { look() }
    }
}
