/// How a rollout goes on, and what it asks of the pool that it moves the traffic to.
public struct RolloutPlan: Equatable, Sendable {
    /// The pool of the split that gets more and more of its traffic: the canary.
    public var to = ""
    /// Shares of the split in percent, 1 to 100, rising.
    public var steps = [5, 25, 50, 100]
    /// How long a step lasts at least.
    public var everyMilliseconds = 60_000
    /// Requests that the canary must have answered in a step before it passes. Nil is as many as
    /// it takes to see twice the allowed difference of errors, `RolloutJudge.requestsNeeded`.
    public var requestsMinimum: Int?
    /// By how much the canary's share of errors may be above that of the others, 0 to 1.
    public var errorDifferenceMaximum = 0.01
    /// How many times slower than the others the canary may be; nil: latency is not judged.
    public var latencyRatioMaximum: Double? = 1.5
    /// Where latency is judged, 0.5 to 0.999.
    public var latencyQuantile = 0.99
    /// Ready replicas of the canary without which no step is taken.
    public var readyMinimum = 1
    /// At the start of a step latency is not judged yet: caches are cold.
    public var settleMilliseconds = 2_000
    /// How long one step may wait for replicas, a hook or more data; nil is for ever.
    public var patienceMilliseconds: Int?
    public var hooks = RolloutHooks()

    public init() {}

    /// What is wrong with it, given the pools of its split; empty if nothing is.
    func problems(weights: [PoolWeight]) -> [String] {
        var problems: [String] = []
        let pools = weights.map(\.pool)
        if to.isEmpty {
            problems.append("no pool to move the traffic to (to); the split has \(list(pools))")
        } else if !pools.contains(to) {
            problems.append("the split has no pool \"\(to)\" (to); it has \(list(pools))")
        } else if weights.allSatisfy({ $0.pool == to || $0.weight == 0 }) {
            problems.append("pool \(to) has all the traffic already")
        }
        let isRising = zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 }
        if steps.isEmpty || !isRising || !steps.allSatisfy((1...100).contains) {
            let found = steps.map(String.init).joined(separator: ",")
            problems.append("steps: found \(found), accepted are rising percents from 1 to 100")
        }
        return problems + RolloutPlan.ranges.compactMap { $0(self) }
    }

    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    private static let ranges: [@Sendable (RolloutPlan) -> String?] = [
        { check("every_ms", $0.everyMilliseconds, 100...86_400_000) },
        { check("min_requests", $0.requestsMinimum, 0...10_000_000) },
        { check("max_error_difference", $0.errorDifferenceMaximum, 0...1) },
        { check("max_latency_ratio", $0.latencyRatioMaximum, 1...1_000) },
        { check("latency_quantile", $0.latencyQuantile, 0.5...0.999) },
        { check("ready", $0.readyMinimum, 0...10_000) },
        { check("settle_ms", $0.settleMilliseconds, 0...3_600_000) },
        { check("patience_ms", $0.patienceMilliseconds, 1_000...604_800_000) },
        { plan in plan.hooks.all.compactMap { HTTPURL.problem($0.name, $0.url) }.first },
    ]

    private static func check<Value: Comparable>(
        _ name: String, _ value: Value?, _ range: ClosedRange<Value>
    ) -> String? {
        guard let value, !range.contains(value) else { return nil }
        return "\(name): found \(value), accepted is \(range.lowerBound) to \(range.upperBound)"
    }
}

/// URLs that weir calls on the way; nil is none.
public struct RolloutHooks: Equatable, Sendable {
    /// Asked before each step: anything but 2xx keeps the step from being taken, for now.
    public var beforeStep: String?
    /// Told when the rollout has succeeded.
    public var afterSuccess: String?
    /// Told when the rollout was aborted.
    public var afterAbort: String?

    public init() {}

    var all: [(name: String, url: String?)] {
        [
            ("before_step", beforeStep), ("after_success", afterSuccess),
            ("after_abort", afterAbort),
        ]
    }

    func url(of hook: RolloutHook) -> String? { all.first { $0.name == hook.rawValue }?.url }
}

/// When a hook is called.
public enum RolloutHook: String, Equatable, Sendable {
    case beforeStep = "before_step"
    case afterSuccess = "after_success"
    case afterAbort = "after_abort"
}

/// The weight of a pool in a split.
public struct PoolWeight: Equatable, Sendable {
    public var pool = ""
    public var weight = 0

    public init() {}
    public init(_ pool: String, _ weight: Int) {
        self.pool = pool
        self.weight = weight
    }
}

/// Weights that give one pool an exact share.
enum RolloutWeights {
    /// `percent` of the whole for `pool`, and the rest for the others in the proportions that they
    /// have in `before`: exact, as long as whole weights up to 10,000 can say it; beyond that the
    /// share of `pool` is exact still, and those of the others to 1/10,000.
    static func weights(_ before: [PoolWeight], to pool: String, percent: Int) -> [PoolWeight] {
        let others = before.reduce(0) { $0 + ($1.pool == pool ? 0 : $1.weight) }
        guard others > 0 else { return before }
        let rest = 100 - percent
        let divisor = before.reduce(others) { divisor, part in
            part.pool == pool ? divisor : greatestDivisor(divisor, part.weight * rest)
        }
        let factor = others / divisor
        let exact = before.map { part in
            PoolWeight(
                part.pool,
                part.pool == pool ? percent * factor : part.weight * rest * factor / others)
        }
        guard exact.contains(where: { $0.weight > RunningSplit.weightRange.upperBound }) else {
            return exact
        }
        return rounded(before, to: pool, percent: percent, others: others)
    }

    /// Of 10,000, by largest remainders.
    private static func rounded(
        _ before: [PoolWeight], to pool: String, percent: Int, others: Int
    ) -> [PoolWeight] {
        let rest = (100 - percent) * 100
        var weights = before.map { part in
            PoolWeight(
                part.pool, part.pool == pool ? percent * 100 : part.weight * rest / others)
        }
        let missing = 10_000 - weights.reduce(0) { $0 + $1.weight }
        let order = before.indices.filter { before[$0].pool != pool }.sorted {
            (before[$0].weight * rest % others, $1) > (before[$1].weight * rest % others, $0)
        }
        for index in order.prefix(missing) { weights[index].weight += 1 }
        return weights
    }

    /// Percent of the whole that `pool` has.
    static func percent(of pool: String, _ weights: [PoolWeight]) -> Double {
        let sum = weights.reduce(0) { $0 + $1.weight }
        let own = weights.first { $0.pool == pool }?.weight ?? 0
        return sum == 0 ? 0 : Double(own) / Double(sum) * 100
    }

    private static func greatestDivisor(_ one: Int, _ other: Int) -> Int {
        other == 0 ? one : greatestDivisor(other, one % other)
    }
}
