import Balancing
import Testing

@testable import ControlPlane

/// What the pool makes of real traffic that speaks against a replica.
@Suite("PoolState: ejection")
struct PoolEjectionTests {
    @Test("A replica that only fails is ejected with its figures as the cause, once")
    func ejected() throws {
        var bench = PoolBench()
        bench.makeReady(1, 2, 3)
        bench.judge(good: [1: 500, 2: 499], bad: [2: 1, 3: 12])
        #expect(bench[3]?.state == .down)
        #expect(bench.availability(3) == .closed)
        #expect(
            bench.transitions.last?.cause.description
                == "ejected for 10s: 12 of 12 answers were 5xx or missing, 0.1 % elsewhere")
        let count = bench.transitions.count
        bench.judge(good: [1: 500, 2: 500], bad: [3: 12])
        #expect(bench.transitions.count == count)
        #expect(bench.state.ejectionCount == 1)
    }

    @Test("A passing probe does not bring it back before its time, and it returns by itself then")
    func returns() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.judge(good: [1: 100], bad: [2: 100])
        for _ in 0..<5 { bench.passProbe(2) }
        #expect(bench[2]?.state == .down)
        let end = bench[2]?.ejectedUntil ?? 0
        bench.pass(end - bench.now - 1)
        #expect(bench[2]?.state == .down)
        bench.pass(1)
        #expect(bench[2]?.state == .ready)
    }

    @Test("A drain of an ejected replica, and its end, leave the ejection as it is")
    func drained() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.judge(good: [1: 100], bad: [2: 100])
        let end = bench[2]?.ejectedUntil ?? 0
        bench.send(.drainRequested(bench.id(2)))
        bench.passProbe(2)
        bench.send(.undrainRequested(bench.id(2)))
        for _ in 0..<3 { bench.passProbe(2) }
        #expect(bench[2]?.state == .down)
        #expect(bench[2]?.ejectedUntil == end)
        bench.pass(end - bench.now)
        #expect(bench[2]?.state == .ready)
    }

    @Test("Whose probes fail meanwhile is not back when its time is over, but when they pass")
    func probesDecide() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.judge(good: [1: 100], bad: [2: 100])
        bench.failProbe(2, .status(503))
        bench.pass(10_000)
        #expect(bench[2]?.state == .down)
        bench.passProbe(2)
        #expect(bench[2]?.state == .down)
        bench.passProbe(2)
        #expect(bench[2]?.state == .ready)
    }

    @Test(
        "Each ejection in a row is longer, up to the longest, and all are forgotten in good times")
    func backOff() {
        var rules = PoolRules(isProbed: false)
        rules.ejection?.timeMillisecondsMaximum = 35_000
        var bench = PoolBench(rules)
        bench.list(1, 2)
        var durations: [Int] = []
        func eject() {
            bench.judge(good: [1: 100], bad: [2: 100])
            let duration = (bench[2]?.ejectedUntil ?? 0) - bench.now
            durations.append(duration)
            bench.pass(duration)
        }
        for _ in 0..<5 { eject() }
        #expect(durations == [10_000, 20_000, 30_000, 35_000, 35_000])
        #expect(bench[2]?.state == .ready)
        bench.pass(34_999)
        eject()
        #expect(durations.last == 35_000)
        bench.pass(35_000)
        eject()
        #expect(durations.last == 10_000)
    }

    @Test("Half of a pool at most is ejected, of a small one one, and never the last that is ready")
    func smallPools() {
        for (size, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (7, 3)] {
            var bench = PoolBench()
            let hosts = (1...size).map(UInt64.init)
            bench.send(
                .listed(PoolBench.source, PoolListing(entries: hosts.map(PoolBench.entry))))
            for host in hosts { bench.passProbe(host) }
            for bad in hosts.dropLast() {
                let good = hosts.filter { $0 > bad }.map { ($0, 100) }
                bench.judge(good: Dictionary(uniqueKeysWithValues: good), bad: [bad: 100])
            }
            let ejected = hosts.count { bench[$0]?.ejectedUntil != nil }
            #expect(ejected == most, "of \(size)")
        }
        var bench = PoolBench()
        bench.makeReady(1, 2, 3)
        bench.failProbe(1, .refused)
        bench.failProbe(2, .refused)
        bench.judge(good: [1: 100, 2: 100], bad: [3: 100])
        #expect(bench[3]?.state == .ready)
    }

    @Test("When all others go, an ejected replica is a last resort rather than nobody")
    func lastResort() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.judge(good: [1: 100], bad: [2: 100])
        bench.failProbe(1, .refused)
        #expect(bench.availability(1) == .closed)
        #expect(bench.availability(2) == .lastResort)
        bench.passProbe(1)
        bench.passProbe(1)
        #expect(bench.availability(2) == .closed)
    }

    @Test("An ejected replica that freezes is lost, so that what is in flight there is cut")
    func freezes() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.judge(good: [1: 100], bad: [2: 100])
        bench.failProbe(2, timeout)
        #expect(bench.availability(2) == .closed)
        bench.failProbe(2, timeout)
        #expect(bench.availability(2) == .lost)
    }

    @Test("With ejection off nobody is ejected, and whoever was comes back at once")
    func off() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.passProbe(2)
        bench.judge(good: [1: 100], bad: [2: 100])
        #expect(bench[2]?.state == .down)
        var rules = PoolRules()
        rules.ejection = nil
        bench.configure(rules)
        #expect(bench[2]?.state == .ready)
        bench.judge(good: [1: 100], bad: [2: 100])
        #expect(bench[2]?.state == .ready)
    }
}

extension PoolBench {
    /// Answers of replicas since the last sample, 200 ms ago.
    mutating func judge(good: [UInt64: Int], bad: [UInt64: Int]) {
        let hosts = Set(good.keys).union(bad.keys).sorted()
        send(
            .sampled(
                hosts.map { ReplicaTally(id: id($0), good: good[$0] ?? 0, bad: bad[$0] ?? 0) }))
    }

    mutating func configure(_ rules: PoolRules) {
        let source = PoolSource(
            id: Self.source, origin: .polled, asksNames: false, service: "app")
        send(.configured([source], rules))
    }
}
