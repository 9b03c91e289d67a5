internal import Glibc

/// What the figures of a step say of the canary so far.
struct RolloutVerdict: Equatable, Sendable {
    enum Outcome: String, Sendable {
        case pass
        case fail
        case moreData = "need more data"
    }

    var outcome = Outcome.moreData
    /// The figures that decided, in words.
    var reason = ""
    /// Requests of the canary that count for all that is judged, and those that a pass takes.
    var requests = 0
    var requestsNeeded = 0
}

/// Judges a canary by what it and the other pools of its split did meanwhile.
///
/// It fails when it is worse by more than the plan allows, and that is not chance: either test says
/// that figures like these come by chance less than once in a million times. With that, looking
/// four times a second for as long as one likes is harmless; docs/decisions/0010 has the figures.
/// It passes with enough requests, unless it looks worse than allowed and the proof is missing.
struct RolloutJudge: Sendable {
    /// What a failure must be less likely by chance than.
    static let chanceOfFailure = 1e-6
    /// What looks worse, and less likely by chance than this, does not pass yet.
    static let chanceOfDoubt = 0.05
    /// Fewer never pass unless the plan says so: a quantile of 99 % needs them.
    static let requestsFloor = 1_000
    static let requestsCeiling = 20_000

    let plan: RolloutPlan

    /// The canary against the rest of the split during the same time.
    func verdict(canary: PoolCounts, stable: PoolCounts) -> RolloutVerdict {
        var verdict = RolloutVerdict()
        verdict.requestsNeeded = requestsNeeded(canary, stable)
        verdict.requests =
            plan.latencyRatioMaximum == nil
            ? canary.requests : min(canary.requests, canary.timed)
        let complaints = [errors(canary, stable), latency(canary, stable)].compactMap(\.self)
        let proven = complaints.filter { $0.chance <= RolloutJudge.chanceOfFailure }
        if let complaint = proven.first {
            verdict.outcome = .fail
            verdict.reason = complaint.text
        } else if verdict.requests < verdict.requestsNeeded {
            verdict.reason = "\(verdict.requests) of \(verdict.requestsNeeded) requests"
        } else if let complaint = complaints.first(where: { $0.isDoubt }) {
            verdict.reason = "not sure yet: \(complaint.text)"
        } else {
            verdict.outcome = .pass
            verdict.reason = summary(canary, stable)
        }
        return verdict
    }

    /// The canary with all the traffic, against what the others did before: only a failure counts.
    func verdict(alone canary: PoolCounts, before stable: PoolCounts) -> RolloutVerdict {
        var verdict = verdict(canary: canary, stable: stable)
        verdict.requestsNeeded = 0
        if verdict.outcome != .fail {
            verdict.outcome = .pass
            verdict.reason = summary(canary, stable)
        }
        return verdict
    }

    /// Worse than the plan allows, as far as one sees.
    private struct Complaint {
        var chance: Double
        var text: String
        var isDoubt: Bool { chance <= RolloutJudge.chanceOfDoubt }
    }

    private func errors(_ canary: PoolCounts, _ stable: PoolCounts) -> Complaint? {
        guard let own = canary.errorShare, let other = stable.errorShare,
            own - other > plan.errorDifferenceMaximum
        else { return nil }
        let chance = ExactTest.chance(
            marked: canary.errors, of: canary.requests, against: stable.errors,
            of: stable.requests)
        return Complaint(
            chance: chance,
            text: "errors \(percent(own)) against \(percent(other))"
                + " (\(canary.errors) of \(canary.requests) requests,"
                + " \(stable.errors) of \(stable.requests));"
                + " allowed is \(percent(plan.errorDifferenceMaximum)) more")
    }

    private func latency(_ canary: PoolCounts, _ stable: PoolCounts) -> Complaint? {
        guard let allowed = plan.latencyRatioMaximum,
            let own = canary.latencyMilliseconds(plan.latencyQuantile),
            let other = stable.latencyMilliseconds(plan.latencyQuantile), own > allowed * other,
            let tails = tails(canary, stable)
        else { return nil }
        return Complaint(
            chance: tails.chance,
            text: "\(percent(plan.latencyQuantile)) within \(milliseconds(own)) against"
                + " \(milliseconds(other)) (\(canary.timed) requests, \(stable.timed));"
                + " allowed is \(number(allowed)) times")
    }

    private func tails(_ canary: PoolCounts, _ stable: PoolCounts) -> LatencyTails? {
        LatencyTails(canary.latencies, stable.latencies, quantile: plan.latencyQuantile)
    }
}

/// How much it takes.
extension RolloutJudge {
    /// As many as it takes to see, in 99 of 100 cases, twice the allowed difference of errors, and
    /// a quantile of latency that has doubled because the slowest requests take twice as long, at
    /// the others' figures and the canary's share of the traffic.
    private func requestsNeeded(_ canary: PoolCounts, _ stable: PoolCounts) -> Int {
        if let fixed = plan.requestsMinimum { return fixed }
        guard canary.requests > 0, stable.requests > 0 else { return RolloutJudge.requestsFloor }
        let ratio = min(Double(canary.requests) / Double(stable.requests), 100)
        let good = stable.errorShare ?? 0
        var needed = Self.sample(
            from: good, to: min(1, good + 2 * plan.errorDifferenceMaximum), ratio: ratio)
        if plan.latencyRatioMaximum != nil, let tails = tails(canary, stable) {
            let each = tails.doubled.map { Self.sample(from: $0.now, to: $0.then, ratio: ratio) }
            needed = max(needed, each.min() ?? 0)
        }
        let (floor, ceiling) = (
            Double(RolloutJudge.requestsFloor), Double(RolloutJudge.requestsCeiling)
        )
        return Int(min(max(needed.rounded(.up), floor), ceiling))
    }

    /// The sample of the canary that shows in 99 of 100 cases that a share is `bad` and not `good`,
    /// of which the exact test says that it comes by chance once in a million times; by the normal
    /// approximation.
    ///
    /// - Parameter ratio: of the canary's requests to the others'.
    private static func sample(from good: Double, to bad: Double, ratio: Double) -> Double {
        guard bad > good else { return .infinity }
        let mixed = (good + bad * ratio) / (1 + ratio)
        let root =
            5 * (mixed * (1 - mixed) * (1 + ratio)).squareRoot()
            + 3 * (bad * (1 - bad) + ratio * good * (1 - good)).squareRoot()
        return root * root / ((bad - good) * (bad - good))
    }
}

/// Figures in words.
extension RolloutJudge {
    private func summary(_ canary: PoolCounts, _ stable: PoolCounts) -> String {
        guard let own = canary.errorShare else { return "no requests" }
        var text = "errors \(percent(own))"
        if let other = stable.errorShare { text += " against \(percent(other))" }
        if let own = canary.latencyMilliseconds(plan.latencyQuantile) {
            text += ", \(percent(plan.latencyQuantile)) within \(milliseconds(own))"
            if let other = stable.latencyMilliseconds(plan.latencyQuantile) {
                text += " against \(milliseconds(other))"
            }
        }
        return text + " (\(canary.requests) requests, \(stable.requests))"
    }

    private func percent(_ share: Double) -> String { number(share * 100) + " %" }
    private func milliseconds(_ value: Double) -> String { number(value) + " ms" }
    private func number(_ value: Double) -> String { StatusText.number(value) }
}

extension PoolCounts {
    /// Requests in the histogram.
    var timed: Int { latencies.reduce(0) { $0 + Int($1) } }
}
