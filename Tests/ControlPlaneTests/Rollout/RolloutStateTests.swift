import Metrics
import Testing

@testable import ControlPlane

@Suite("RolloutState: what a step waits for")
struct RolloutStateTests {
    private let none = [UInt64](repeating: 0, count: Histogram.bucketCount)

    private func begun(_ change: (inout RolloutPlan) -> Void) -> RolloutState {
        var record = RolloutRecord()
        record.split = "s"
        record.plan.to = "b"
        record.plan.steps = [50, 100]
        record.plan.requestsMinimum = 5
        change(&record.plan)
        record.weightsBefore = [PoolWeight("a", 1), PoolWeight("b", 0)]
        var state = RolloutState(record)
        _ = state.handle(.begin, at: RolloutTime(milliseconds: 0, wall: ""))
        return state
    }

    /// Four ticks each second, with ten answers of each pool between them.
    private func run(_ state: inout RolloutState, seconds: Int, timed: UInt64) {
        var reading = RolloutReading()
        reading.ready = 1
        reading.canary.latencies = none
        reading.stable.latencies = none
        for tick in 1...(seconds * 4) {
            reading.canary.requests += 10
            reading.stable.requests += 10
            reading.canary.latencies[20] += timed
            reading.stable.latencies[20] += timed
            let now = RolloutTime(milliseconds: tick * 250, wall: "")
            _ = state.handle(.tick(reading), at: now)
        }
    }

    @Test("Tunnels have no latency: their steps pass by their number and their errors")
    func tunnels() {
        var state = begun { $0.everyMilliseconds = 1_000 }
        run(&state, seconds: 10, timed: 0)
        #expect(state.record.stage == .succeeded)
    }

    @Test("Requests have one: a step does not pass before it was judged, however short it is")
    func settling() {
        var state = begun {
            $0.everyMilliseconds = 100
            $0.settleMilliseconds = 20_000
        }
        run(&state, seconds: 10, timed: 10)
        #expect(state.record.stage == .running)
        #expect(state.record.percent == 50)
    }
}
