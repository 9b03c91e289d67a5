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
}
