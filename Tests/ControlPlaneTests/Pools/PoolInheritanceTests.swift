import Balancing
import Testing

@testable import ControlPlane

@Suite("Replicas that another process knew")
struct PoolInheritanceTests {
    /// What `old` knows, an hour later in its own time, as the first thing that another one hears.
    private func successor(
        of old: PoolBench, _ rules: PoolRules = PoolRules()
    ) -> PoolBench {
        var new = PoolBench(rules)
        let memories = old.state.members.filter(ReplicaMemory.isWorthIt).map { member in
            PoolState.Inherited(
                address: member.address, sources: member.sources,
                memory: ReplicaMemory(member, now: old.now))
        }
        new.send(.inherited(memories, ejections: old.state.ejectionCount))
        return new
    }

    private func bench() -> PoolBench {
        var bench = PoolBench()
        bench.list(1, 2, 3)
        for host: UInt64 in 1...3 { bench.send(.probePassed(bench.id(host))) }
        return bench
    }

    @Test("They are what they were, at once, and a probe of each is on its way")
    func kept() {
        var old = bench()
        old.send(.observed(.connectRefused, old.id(2)))
        old.send(.drainRequested(old.id(3)))
        let new = successor(of: old)
        #expect(new[1]?.state == .ready && new[2]?.state == .down && new[3]?.state == .draining)
        #expect(new.availability(1) == .ready)
        #expect(new[3]?.isDrained == true)
        #expect(new[1]?.cause.description == "probe passed")
        #expect(new.state.readyCount == 1)
        for host: UInt64 in 1...3 { #expect(new[host]?.probeStartedAt != nil) }
        #expect(!new.actions.contains { if case .report = $0 { true } else { false } })
    }

    @Test("Probes decide from then on, as for any other")
    func judged() {
        var old = bench()
        old.send(.observed(.connectRefused, old.id(2)))
        var new = successor(of: old)
        new.send(.probeFailed(new.id(1), .refused))
        #expect(new[1]?.state == .down)
        new.send(.probePassed(new.id(2)))
        new.pass(1_000)
        new.send(.probePassed(new.id(2)))
        #expect(new[2]?.state == .ready)
        new.list(2)
        #expect(new[1] == nil || new[1]?.state == .draining)
    }

    @Test("An ejection lasts as long as it would have, and is counted once")
    func ejected() throws {
        var old = bench()
        let index = try #require(old.state.index(of: old.id(2)))
        old.state.members[index].ejectedUntil = old.now + 5_000
        old.state.members[index].state = .down
        old.state.readyCount -= 1
        old.state.ejectionCount = 4
        var new = successor(of: old)
        #expect(new.state.ejectionCount == 4)
        new.send(.probePassed(new.id(2)))
        #expect(new[2]?.state == .down)
        new.pass(5_100)
        #expect(new[2]?.ejectedUntil == nil)
    }

    @Test("One without a source in the configuration is forgotten, and so is one never passed")
    func forgotten() {
        var old = bench()
        old.list(1, 2, 3, 4)
        let index = old.state.members.firstIndex { $0.address.low == 1 } ?? 0
        old.state.members[index].sources = [PoolSource.ID(number: 9)]
        var memories = old.state.members.filter(ReplicaMemory.isWorthIt).map {
            PoolState.Inherited(
                address: $0.address, sources: $0.sources, memory: ReplicaMemory($0, now: old.now))
        }
        memories[0].sources = []
        var new = PoolBench()
        new.send(.inherited(memories, ejections: 0))
        #expect(new[1] == nil && new[4] == nil)
        #expect(new[2]?.state == .ready && new[3]?.state == .ready)
    }
}
