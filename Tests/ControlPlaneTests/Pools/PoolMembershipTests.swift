import Balancing
import Testing

@testable import ControlPlane

/// What the answers of DNS mean for who is a member.
struct PoolMembershipTests {
    @Test(
        "A pool asks DNS as soon as it is configured, and then every 500 ms, give or take a fifth")
    func polling() throws {
        var bench = PoolBench()
        #expect(bench.actions.contains(.query(PoolBench.source)))
        for _ in 0..<50 {
            bench.list(1)
            let next = bench.state.sources[0].nextQueryAt
            #expect((400..<600).contains(next - bench.now))
            bench.now = next
            bench.send(.tick)
            #expect(bench.actions.contains(.query(PoolBench.source)))
        }
    }

    @Test("A waiting request asks DNS, though not more often than every 50 ms")
    func held() {
        var bench = PoolBench()
        var queries = 0
        bench.send(.negative(PoolBench.source, reason: "NXDOMAIN"))
        for _ in 0..<1_000 {
            bench.now += 1
            bench.send(.observed(.held, nil))
            if bench.actions.contains(.query(PoolBench.source)) { queries += 1 }
            bench.send(.tick)
            if bench.actions.contains(.query(PoolBench.source)) { queries += 1 }
            if bench.state.sources[0].isAsking {
                bench.send(.negative(PoolBench.source, reason: "NXDOMAIN"))
            }
        }
        #expect((15...20).contains(queries))
    }

    @Test("An address that left and does not answer is lost")
    func vanishedAndDead() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.list(2)
        #expect(bench[1]?.state == .draining)
        #expect(bench.availability(1) == .closed)
        bench.failProbe(1, .unreachable("no connection"))
        #expect(bench[1] == nil)
        #expect(bench.availability(1) == .lost)
        bench.pass(5_000)
        #expect(bench.availability(1) == nil)
    }

    @Test("An address that left and answers finishes its work, for a minute at most")
    func vanishedAndAlive() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.list(2)
        let leftAt = bench.now
        while bench.now < leftAt + 59_000 {
            bench.passProbe(1)
            #expect(bench.availability(1) == .closed)
        }
        bench.pass(2_000)
        #expect(bench[1] == nil)
        #expect(bench.transitions.last { $0.to == .gone }?.cause == .drainTimeout)
    }

    @Test("An address that left and refuses may be finishing its work for Docker's ten seconds")
    func vanishedAndRefusing() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.list(2)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .draining)
        bench.pass(10_000)
        #expect(bench[1] == nil)
    }

    @Test("An address that returns has to pass again before it gets traffic")
    func returned() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.list(2)
        let id = bench.id(1)
        bench.list(1, 2)
        #expect(bench.id(1) == id)
        #expect(bench[1]?.state == .probing)
        // This probe began before the address returned.
        bench.send(.probePassed(id))
        #expect(bench[1]?.state == .probing)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("A replica that never passed is gone when it leaves")
    func leftBeforeReady() {
        var bench = PoolBench()
        bench.makeReady(2)
        bench.list(1, 2)
        bench.list(2)
        #expect(bench[1] == nil)
    }

    @Test("A truncated answer adds and never removes")
    func truncated() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.list(3, truncated: true)
        #expect([1, 2, 3].map { bench[$0]?.state } == [.ready, .ready, .probing])
    }

    @Test("Negative answers take nothing from a pool whose replicas pass their probes")
    func negativeAndAlive() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        for _ in 0..<100 {
            bench.pass(500)
            bench.miss(.answered)
            for host in [1, 2] as [UInt64] { bench.passProbe(host) }
        }
        #expect([1, 2].map { bench[$0]?.state } == [.ready, .ready])
    }

    @Test("A negative answer has the replicas probed and the canary asked")
    func negativeProbes() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.now += 100
        bench.send(.negative(PoolBench.source, reason: "SERVFAIL"))
        #expect(bench.probes(1))
        #expect(bench.actions.contains(.queryCanary(PoolBench.source)))
    }

    @Test("Two negative answers with a working canary end replicas whose probes fail")
    func negativeAndDead() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.miss(.answered)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .down)
        bench.miss(.answered)
        #expect(bench[1] == nil)
        #expect(bench.transitions.last?.cause == .nameHasNoReplicas)
    }

    @Test("A replica that fails after the negative answers is gone then")
    func negativeThenDead() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.miss(.answered)
        bench.miss(.answered)
        #expect(bench[1]?.state == .ready)
        bench.failProbe(1, .refused)
        #expect(bench[1] == nil)
    }

    @Test("Without an answer to the canary, DNS is away and nothing is gone")
    func daemonAway() {
        var bench = PoolBench()
        bench.makeReady(1)
        for _ in 0..<10 { bench.miss(.silent) }
        bench.failProbe(1, .refused)
        for _ in 0..<10 { bench.miss(.silent) }
        #expect(bench[1]?.state == .down)
    }

    @Test("A positive answer between negative ones starts the count again")
    func interrupted() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.failProbe(1, .refused)
        bench.miss(.answered)
        bench.list(1)
        bench.miss(.answered)
        #expect(bench[1]?.state == .down)
    }

    @Test("Addresses outside the accepted networks are not adopted, and told once")
    func foreign() {
        var bench = PoolBench()
        bench.makeReady(1)
        let network = AddressRange(maskHigh: .max, maskLow: ~0xff, baseHigh: 0, baseLow: 0)
        let foreign = PoolListing(entries: [PoolBench.entry(0x999)], accepted: [network])
        var notices = 0
        for _ in 0..<3 {
            bench.send(.listed(PoolBench.source, foreign))
            notices += bench.actions.filter { if case .notice = $0 { true } else { false } }.count
            #expect(bench.actions.contains(.queryCanary(PoolBench.source)))
        }
        #expect(notices == 1)
        #expect(bench.state.members.map(\.address.low) == [1])
        #expect(bench[1]?.state == .ready)
    }

    @Test("A mixed answer gives only its acceptable addresses")
    func mixed() {
        var bench = PoolBench()
        let network = AddressRange(maskHigh: .max, maskLow: ~0xff, baseHigh: 0, baseLow: 0)
        let entries = [1, 0x999].map(PoolBench.entry)
        bench.send(.listed(PoolBench.source, PoolListing(entries: entries, accepted: [network])))
        #expect(bench.state.members.map(\.address.low) == [1])
    }

    @Test("More than 4,096 replicas are not taken, and that is told once")
    func limit() {
        var bench = PoolBench()
        let entries = (1...5_000).map { PoolBench.entry($0) }
        bench.send(.listed(PoolBench.source, PoolListing(entries: entries)))
        #expect(bench.state.members.count == 4_096)
        #expect(bench.actions.filter { if case .notice = $0 { true } else { false } }.count == 1)
    }

    @Test("Fixed addresses are members from the start, and leave with the configuration")
    func fixed() {
        var bench = PoolBench()
        let address = ReplicaAddress(high: 0, low: 9, port: 80)
        let fixed = PoolSource(id: PoolSource.ID(number: 2), origin: .fixed(address, weight: 3))
        let polled = PoolSource(id: PoolBench.source, origin: .polled)
        bench.send(.configured([polled, fixed], PoolRules()))
        #expect(bench[9]?.weight == 3)
        bench.passProbe(9)
        bench.makeReady(1)
        bench.pass(200_000)
        #expect(bench[9] != nil)
        bench.send(.configured([polled], PoolRules()))
        #expect(bench[9]?.state == .draining)
        #expect(bench[9]?.cause == .leftConfiguration)
    }

    @Test("A replica that two sources list stays while one of them does")
    func twoSources() {
        var bench = PoolBench()
        let other = PoolSource.ID(number: 2)
        let sources = [PoolBench.source, other].map { PoolSource(id: $0, origin: .polled) }
        bench.send(.configured(sources, PoolRules()))
        bench.makeReady(1, 2)
        bench.send(.listed(other, PoolListing(entries: [PoolBench.entry(1)])))
        bench.list(2)
        #expect(bench[1]?.state == .ready)
        bench.send(.listed(other, PoolListing(entries: [PoolBench.entry(2)])))
        #expect(bench[1]?.state == .draining)
    }

    @Test("A reload with the same sources changes no replica")
    func reload() {
        var bench = PoolBench()
        bench.makeReady(1)
        let before = bench[1]?.since
        bench.pass(300)
        bench.send(.configured([PoolSource(id: PoolBench.source, origin: .polled)], PoolRules()))
        #expect(bench[1]?.state == .ready)
        #expect(bench[1]?.since == before)
    }
}
