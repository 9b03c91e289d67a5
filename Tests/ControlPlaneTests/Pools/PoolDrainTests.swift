import Balancing
import Testing

@testable import ControlPlane

/// Replicas that are taken out, and how they come back.
struct PoolDrainTests {
    private func bench(tunnels: Int = 20_000) -> PoolBench {
        var rules = PoolRules()
        rules.tunnelMilliseconds = tunnels
        var bench = PoolBench(rules)
        bench.makeReady(1, 2)
        return bench
    }

    @Test("Tunnels of a drained replica end when the rules say, or when the drain itself says")
    func tunnelEnd() {
        var bench = bench()
        #expect(bench[1]?.tunnelsEndAt == .max)
        bench.send(.drainRequested(bench.id(1)))
        #expect(bench[1]?.tunnelsEndAt == bench.now + 20_000)
        bench.pass(5_000)
        let before = bench[1]?.tunnelsEndAt
        bench.send(.drainRequested(bench.id(1)))
        #expect(bench[1]?.tunnelsEndAt == before, "asking twice does not put it off")
        bench.send(.drainRequested(bench.id(1), tunnelMilliseconds: 1_000))
        #expect(bench[1]?.tunnelsEndAt == bench.now + 1_000)
        #expect(bench.actions.contains(.publish))
        bench.send(.undrainRequested(bench.id(1)))
        #expect(bench[1]?.tunnelsEndAt == .max)
        #expect(bench.actions.contains(.publish))
    }

    @Test("Where tunnels may go on for ever, none has an end")
    func noTunnelEnd() {
        var bench = bench(tunnels: .max)
        bench.send(.drainRequested(bench.id(1)))
        #expect(bench[1]?.state == .draining)
        #expect(bench[1]?.tunnelsEndAt == .max)
    }

    @Test("A replica that left DNS ends its tunnels as well")
    func leaving() {
        var bench = bench()
        bench.list(2)
        #expect(bench[1]?.state == .draining)
        #expect(bench[1]?.tunnelsEndAt == bench.now + 20_000)
    }

    @Test("A drain ends with the container: started anew at the same address, it is not drained")
    func recreated() {
        var bench = bench()
        let discovered = bench[1]?.discoveredAt
        bench.send(.drainRequested(bench.id(1)))
        bench.list(2)
        bench.pass(1_000)
        bench.list(1, 2)
        // The first may have begun before.
        bench.passProbe(1)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
        #expect(bench[1]?.isDrained == false)
        #expect(bench[1]?.tunnelsEndAt == .max)
        #expect(bench[1].map { $0.discoveredAt } != discovered)
    }

    @Test("A replica drained before it was ready never gets traffic")
    func early() {
        var bench = bench()
        bench.list(1, 2, 3)
        bench.send(.drainRequested(bench.id(3)))
        bench.passProbe(3)
        #expect(bench[3]?.state == .draining)
        #expect(bench.availability(3) == .closed)
        #expect(bench[3]?.tunnelsEndAt != .max)
    }

    @Test("A probe answered with 503 and Weir-Drain drains at once, until one passes again")
    func asked() {
        var bench = bench()
        bench.failProbe(1, .drain)
        #expect(bench[1]?.state == .draining)
        #expect(bench.transitions.last?.cause == .drainAsked)
        #expect(bench.availability(1) == .closed)
        #expect(bench[1]?.tunnelsEndAt == bench.now + 20_000)
        for _ in 0..<5 { bench.failProbe(1, .drain) }
        #expect(bench[1]?.state == .draining)
        bench.send(.undrainRequested(bench.id(1)))
        #expect(bench[1]?.state == .draining, "the replica knows better than the operator")
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
        #expect(bench[1]?.tunnelsEndAt == .max)
    }

    @Test("A replica that asked and then refuses drains on for Docker's grace, then it is down")
    func askedAndStopped() {
        var bench = bench()
        bench.failProbe(1, .drain)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .draining)
        bench.pass(10_000)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .closed)
    }

    @Test("An operator's drain outlives that of the replica, and the other way round")
    func both() {
        var bench = bench()
        bench.failProbe(1, .drain)
        bench.send(.drainRequested(bench.id(1)))
        bench.passProbe(1)
        #expect(bench[1]?.state == .draining)
        #expect(bench[1]?.cause == .drainedByOperator)
        bench.failProbe(1, .drain)
        bench.send(.undrainRequested(bench.id(1)))
        #expect(bench[1]?.state == .draining)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("A new replica that asks to be drained gets no traffic, and a dead one stays down")
    func askedEarly() {
        var bench = bench()
        bench.list(1, 2, 3)
        bench.failProbe(3, .drain)
        #expect(bench[3]?.state == .probing)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .down)
        bench.failProbe(1, .drain)
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .closed)
    }

    @Test(
        "Closed idle connections and then a refusal mean stopping, not down",
        arguments: [true, false])
    func stopping(byProbe: Bool) {
        var bench = bench()
        bench.send(.observed(.idleClosed, bench.id(1)))
        bench.pass(100)
        if byProbe {
            bench.failProbe(1, .refused)
        } else {
            bench.send(.observed(.connectRefused, bench.id(1)))
        }
        #expect(bench[1]?.state == .draining)
        #expect(bench.transitions.last?.cause == .stopping)
        #expect(bench.availability(1) == .closed)
        bench.passProbe(1)
        #expect(bench[1]?.state == .draining, "it comes back as one does that was down")
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("A refusal long after a closed idle connection is down, as is one without")
    func notStopping() {
        var bench = bench()
        bench.send(.observed(.idleClosed, bench.id(1)))
        bench.passProbe(1)
        bench.pass(1_500)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .down)
        bench.failProbe(2, .refused)
        #expect(bench[2]?.state == .down)
    }

    @Test("A stopping replica that falls silent while others answer is lost")
    func stoppingAndSilent() {
        var bench = bench()
        bench.send(.observed(.idleClosed, bench.id(1)))
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .draining)
        bench.failProbe(1, timeout)
        bench.failProbe(1, timeout)
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .lost)
    }
}
