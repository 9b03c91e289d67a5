import Balancing
import Testing
import Transport

@testable import ControlPlane

/// What share of its weight a replica has after it became ready.
@Suite("PoolState: slow start")
struct SlowStartTests {
    private func percent(_ bench: PoolBench, _ host: UInt64) -> Int? {
        bench[host].map {
            bench.state.rampPercent(
                $0, warmestSince: bench.state.warmestSince, bench.now)
        }
    }

    private func bench(_ milliseconds: Int = 10_000) -> PoolBench {
        PoolBench(PoolRules(isProbed: false, slowStartMilliseconds: milliseconds))
    }

    @Test("A newcomer among warm replicas begins with a tenth and has all after the time")
    func newcomer() {
        var bench = bench()
        bench.list(1, 2, 3)
        bench.pass(20_000)
        bench.list(1, 2, 3, 4)
        #expect(percent(bench, 4) == 10)
        var last = 10
        for _ in 0..<10 {
            bench.pass(1_000)
            let next = percent(bench, 4) ?? 0
            #expect(next >= last && percent(bench, 1) == 100)
            last = next
        }
        #expect(last == 100)
    }

    @Test("Each step is published, in twenty steps or so, and none after the last")
    func steps() {
        var bench = bench()
        bench.list(1, 2)
        bench.pass(20_000)
        bench.list(1, 2, 3)
        bench.pass(10_500)
        let published = bench.actions.count { $0 == .publish }
        #expect((18...22).contains(published), "\(published)")
        bench.pass(60_000)
        #expect(!bench.actions.contains(.publish))
        #expect(bench.state.nextRampAt == .max)
    }

    @Test("Who is ready within a tenth of the time after the first is as warm as it, at once")
    func togetherAtOnce() {
        for (milliseconds, expected) in [(1, 100), (1_000, 100), (1_001, 10)] {
            var bench = bench()
            bench.list(1)
            bench.pass(milliseconds)
            bench.list(1, 2)
            #expect(percent(bench, 1) == 100)
            #expect(percent(bench, 2) == expected, "\(milliseconds) ms later")
        }
    }

    @Test("When the warm ones go, whoever is left has its full weight")
    func warmLeave() {
        var bench = bench()
        bench.list(1)
        bench.pass(20_000)
        bench.list(1, 2)
        #expect(percent(bench, 2) == 10)
        bench.list(2)
        #expect(percent(bench, 2) == 100)
    }

    @Test("A moment of doubt does not cool a replica down, being down does")
    func doubt() {
        var bench = PoolBench(PoolRules(slowStartMilliseconds: 10_000))
        bench.makeReady(1, 2)
        bench.pass(0)
        for _ in 0..<30 {
            bench.passProbe(1)
            bench.passProbe(2)
        }
        #expect(percent(bench, 2) == 100)
        bench.send(.observed(.closedBeforeResponse, bench.id(2)))
        #expect(bench[2]?.state == .suspect)
        bench.passProbe(2)
        #expect(bench[2]?.state == .ready && percent(bench, 2) == 100)
        bench.failProbe(2, .refused)
        bench.passProbe(2)
        bench.passProbe(2)
        #expect(bench[2]?.state == .ready)
        #expect(percent(bench, 2) ?? 100 < 20)
    }

    @Test("Without slow start everybody has the full weight at once")
    func off() {
        var bench = bench(0)
        bench.list(1)
        bench.pass(20_000)
        bench.list(1, 2)
        #expect(percent(bench, 2) == 100)
        #expect(bench.state.nextRampAt == .max)
    }

    @Test("Weights become whole numbers in the same proportion, and stay small without a newcomer")
    func weights() {
        func status(_ weight: Int, _ percent: Int) -> ReplicaStatus {
            ReplicaStatus(
                id: ReplicaID(1), address: .loopback, name: "", state: .ready, cause: "",
                sinceWallNanoseconds: 0, availability: .ready, weight: weight,
                rampPercent: percent)
        }
        #expect(SnapshotBuilder.weights([status(1, 100), status(3, 100)]) == [1, 3])
        #expect(
            SnapshotBuilder.weights([status(1, 100), status(1, 10), status(2, 55)])
                == [100, 10, 110])
        #expect(SnapshotBuilder.weights([status(1_000, 100), status(1, 10)]) == [1_000, 1])
        #expect(SnapshotBuilder.weights([status(300, 100), status(300, 10)]) == [900, 90])
        #expect(SnapshotBuilder.weights([]) == [])
    }
}
