import Glibc
import Testing

@testable import ControlPlane

/// What the judge of rollouts costs and what it is worth, by simulation: how often it aborts a
/// canary that is as good as the rest, and how soon one that is worse.
@Suite struct RolloutSimulationTests {
    /// More of them than usual, for the figures in docs/decisions.
    private static let factor: Int = {
        guard let text = unsafe getenv("WEIR_ROLLOUTS") else { return 1 }
        return Int(unsafe String(cString: text)) ?? 1
    }()

    private static var plan: RolloutPlan {
        var plan = RolloutPlan()
        plan.to = "canary"
        plan.everyMilliseconds = 10_000
        return plan
    }

    /// From none to many errors, from light to heavy tails.
    private static func kind(_ number: Int) -> (errors: Double, shape: LatencyShape) {
        var shape = LatencyShape()
        shape.deviation = [0.3, 0.5, 1.0][number % 3]
        shape.tailExponent = [1.2, 1.5, 2, 3][number % 4]
        shape.tailShare = [0.005, 0.02, 0.05][number / 3 % 3]
        return ([0, 0.0005, 0.002, 0.01, 0.03, 0.05][number % 6], shape)
    }

    @Test("Of 1,000 rollouts of a canary that is like the rest, at most 3 are aborted")
    func sameAborts() {
        var aborts: [String] = []
        var successes = 0
        for number in 0..<1_000 * Self.factor {
            let (errors, shape) = Self.kind(number)
            let pool = SimulatedPool(errorShare: errors, shape)
            var rollout = SimulatedRollout(
                plan: Self.plan, canary: pool, stable: pool, seed: UInt64(number) + 1)
            rollout.requestsPerSecond = 4_000
            rollout.run(looks: 2_000)
            switch rollout.state.record.stage {
            case .succeeded: successes += 1
            case .aborted: aborts.append("\(number): \(rollout.state.record.cause)")
            default: break
            }
        }
        #expect(aborts.count <= 3 * Self.factor, "\(aborts)")
        #expect(successes + aborts.count == 1_000 * Self.factor)
        if Self.factor > 1 { report("same: \(aborts.count) aborted of \(1_000 * Self.factor)") }
    }

    @Test(
        "A canary with 2 % more errors is aborted within 2 s after the minimum sample",
        arguments: [0, 0.001, 0.005, 0.01, 0.02, 0.05])
    func moreErrors(base: Double) {
        abortsInTime("errors \(base)") { number in
            let shape = Self.kind(number).shape
            return (
                SimulatedPool(errorShare: base + 0.02, shape),
                SimulatedPool(errorShare: base, shape)
            )
        }
    }

    @Test("A canary that is twice as slow is aborted within 2 s after the minimum sample")
    func doubledLatency() {
        abortsInTime("doubled") { number in
            let (errors, shape) = Self.kind(number)
            return (
                SimulatedPool(errorShare: errors, shape.doubled),
                SimulatedPool(errorShare: errors, shape)
            )
        }
    }

    @Test("A canary of which only the slowest 2 % are twice as slow is, too")
    func doubledTail() {
        abortsInTime("doubled tail") { number in
            var (errors, shape) = Self.kind(number)
            shape.tailShare = 0.02
            shape.deviation = 0.3
            shape.tailExponent = [1.5, 2, 3][number % 3]
            return (
                SimulatedPool(errorShare: errors, shape.doubledTail),
                SimulatedPool(errorShare: errors, shape)
            )
        }
    }

    @Test("Without traffic a rollout waits for ever, and neither passes nor fails")
    func noTraffic() {
        let pool = SimulatedPool(errorShare: 0.5, LatencyShape())
        var rollout = SimulatedRollout(plan: Self.plan, canary: pool, stable: pool, seed: 1)
        rollout.requestsPerSecond = 0
        rollout.run(looks: 2_000)
        #expect(rollout.state.record.stage == .running)
        #expect(rollout.state.record.stepsTaken == 1)
        #expect(rollout.state.waitingFor == "more data: 0 of 1000 requests")
    }

    private func abortsInTime(
        _ what: String, _ pools: (Int) -> (canary: SimulatedPool, stable: SimulatedPool)
    ) {
        let runs = 100 * Self.factor
        var late = 0
        for number in 0..<runs {
            let (canary, stable) = pools(number)
            var rollout = SimulatedRollout(
                plan: Self.plan, canary: canary, stable: stable, seed: UInt64(number) + 77)
            rollout.intervalMilliseconds = 250
            while rollout.state.record.stage != .aborted {
                if let enough = rollout.enoughAt, rollout.now >= enough + 2_000 { break }
                rollout.look()
            }
            if rollout.state.record.stage != .aborted { late += 1 }
        }
        #expect(late * 100 <= runs, "\(what): \(late) of \(runs) in vain"
        )
        if Self.factor > 1 { report("\(what): \(late) late of \(runs)") }
    }

    private func report(_ text: String) { print(text) }
}
