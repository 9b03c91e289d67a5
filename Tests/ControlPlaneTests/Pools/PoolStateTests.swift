import Balancing
import Testing

@testable import ControlPlane

/// A pool under a clock turned by hand. Probes and questions are answered as the test says.
struct PoolBench {
    static let source = PoolSource.ID(number: 1)

    var state = PoolState(seed: 7)
    var now = 1_000
    var actions: [PoolState.Action] = []
    var transitions: [ReplicaTransition] = []

    init(asksNames: Bool = false, _ rules: PoolRules = PoolRules()) {
        let source = PoolSource(
            id: Self.source, origin: .polled, asksNames: asksNames, service: "app")
        send(.configured([source], rules))
    }

    mutating func send(_ event: PoolState.Event) {
        actions = state.handle(event, now: now)
        transitions += actions.compactMap { action in
            if case .report(let transition) = action { transition } else { nil }
        }
    }

    /// Lets time pass, in the steps that the state asks for.
    mutating func pass(_ milliseconds: Int) {
        let end = now + milliseconds
        var all: [PoolState.Action] = []
        while let next = state.nextDeadline, next <= end {
            now = max(now, next)
            send(.tick)
            all += actions
        }
        now = end
        actions = all
    }

    mutating func list(_ hosts: UInt64..., truncated: Bool = false) {
        send(
            .listed(
                Self.source, PoolListing(entries: hosts.map(Self.entry), isComplete: !truncated)))
    }

    /// A negative answer, after which the canary says this.
    mutating func miss(_ canary: PoolState.Canary) {
        send(.negative(Self.source, reason: "NXDOMAIN"))
        send(.canary(Self.source, canary))
    }

    /// The replica at this address that is not gone.
    subscript(host: UInt64) -> PoolMember? {
        state.members.last { $0.address.low == host && $0.state != .gone }
    }

    func id(_ host: UInt64) -> ReplicaID { self[host]?.id ?? ReplicaID(0) }

    func availability(_ host: UInt64) -> Replica.Availability? {
        state.members.last { $0.address.low == host }?.availability(readyCount: state.readyCount)
    }

    /// The probe under way passes; one is begun if need be.
    mutating func passProbe(_ host: UInt64) {
        waitForProbe(host)
        send(.probePassed(id(host)))
    }

    mutating func failProbe(_ host: UInt64, _ failure: ProbeFailure) {
        waitForProbe(host)
        send(.probeFailed(id(host), failure))
    }

    /// Lists the replicas and has them pass.
    mutating func makeReady(_ hosts: UInt64...) {
        send(.listed(Self.source, PoolListing(entries: hosts.map(Self.entry))))
        for host in hosts { passProbe(host) }
    }

    func probes(_ host: UInt64) -> Bool {
        actions.contains { action in
            if case .probe(id(host), _) = action { true } else { false }
        }
    }

    private mutating func waitForProbe(_ host: UInt64) {
        for _ in 0..<100 where self[host]?.probeStartedAt == nil { pass(50) }
    }

    static func entry(_ host: UInt64) -> PoolListing.Entry {
        PoolListing.Entry(address: ReplicaAddress(high: 0, low: host, port: 80), weight: 1)
    }
}

let timeout = ProbeFailure.timeout(milliseconds: 1_000)

/// How far a replica is trusted.
struct PoolStateProbingTests {
    @Test("A new replica is probed at once, and gets no traffic before it passes")
    func newReplica() {
        var bench = PoolBench()
        bench.list(1)
        #expect(bench.probes(1))
        #expect(bench[1]?.state == .probing)
        #expect(bench.availability(1) == .closed)
        bench.send(.probePassed(bench.id(1)))
        #expect(bench[1]?.state == .ready)
        #expect(bench.availability(1) == .ready)
        #expect(bench.transitions.map(\.to) == [.probing, .ready])
    }

    @Test("A new replica that fails is probed every 100 ms, and never becomes a last resort")
    func firstProbes() {
        var bench = PoolBench()
        bench.list(1)
        for _ in 0..<5 {
            bench.failProbe(1, .status(503))
            #expect(bench[1]?.nextProbeAt == bench.now + 100)
            #expect(bench.availability(1) == .closed)
        }
        #expect(bench[1]?.state == .probing)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("A replica that does not pass for a minute is probed at the usual rate")
    func slowFirstProbes() throws {
        var bench = PoolBench()
        bench.list(1)
        bench.now += 60_000
        bench.send(.probeFailed(bench.id(1), .refused))
        let next = try #require(bench[1]?.nextProbeAt)
        #expect((800...1_200).contains(next - bench.now))
    }

    @Test("The first connects give up early, since a new container swallows them")
    func patience() {
        var bench = PoolBench()
        bench.list(1)
        #expect(bench.actions.contains(.probe(bench.id(1), patienceMilliseconds: 100)))
        bench.failProbe(1, .unreachable("no connection"))
        bench.pass(100)
        #expect(bench.actions.contains(.probe(bench.id(1), patienceMilliseconds: 200)))
    }

    @Test("A ready replica is probed every second, give or take a fifth")
    func cadence() {
        var bench = PoolBench()
        bench.makeReady(1)
        var gaps: Set<Int> = []
        for _ in 0..<200 {
            bench.passProbe(1)
            gaps.insert((bench[1]?.nextProbeAt ?? 0) - bench.now)
        }
        #expect(gaps.allSatisfy { (800..<1_200).contains($0) })
        #expect(gaps.count > 50)
    }

    @Test("One failure makes a replica suspect, the next down, and two passes ready again")
    func fallAndRise() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.failProbe(1, .status(500))
        #expect(bench[1]?.state == .suspect)
        #expect(bench[1]?.nextProbeAt == bench.now + 200)
        bench.failProbe(1, .status(500))
        #expect(bench[1]?.state == .down)
        bench.passProbe(1)
        #expect(bench[1]?.state == .down)
        #expect(bench[1]?.nextProbeAt == bench.now + 200)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("A suspect replica is ready again with the first pass")
    func suspicion() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.failProbe(1, timeout)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
    }

    @Test("After a failure five probes come quickly, then the usual rate")
    func quickProbes() {
        var bench = PoolBench()
        bench.makeReady(1)
        var gaps: [Int] = []
        for _ in 0..<7 {
            bench.failProbe(1, .status(500))
            gaps.append((bench[1]?.nextProbeAt ?? 0) - bench.now)
        }
        #expect(gaps.prefix(5).allSatisfy { $0 == 200 })
        #expect(gaps.suffix(2).allSatisfy { $0 >= 800 })
    }

    @Test("A refused probe takes a replica down at once, without cutting its last work")
    func refusedProbe() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.failProbe(1, .refused)
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .closed)
    }

    @Test("A refused connect of real traffic takes a replica down at once, and asks DNS")
    func refusedConnect() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.send(.listed(PoolBench.source, PoolListing(entries: [1, 2].map(PoolBench.entry))))
        bench.now += 60
        bench.send(.observed(.connectRefused, bench.id(1)))
        #expect(bench[1]?.state == .down)
        #expect(bench[1]?.cause == .connectRefused)
        #expect(bench.probes(1))
        #expect(bench.actions.contains(.query(PoolBench.source)))
    }

    @Test("A connect that fails makes a replica suspect, and the next failed probe takes it down")
    func failedConnect() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.now += 60
        bench.send(.observed(.connectFailed, bench.id(1)))
        #expect(bench[1]?.state == .suspect)
        #expect(bench.availability(1) == .closed)
        #expect(bench.probes(1))
        bench.send(.probeFailed(bench.id(1), .unreachable("no connection")))
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .lost)
    }

    @Test("A connection that died before a response makes a replica suspect until it passes")
    func closedBeforeResponse() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.now += 60
        bench.send(.observed(.closedBeforeResponse, bench.id(1)))
        #expect(bench[1]?.state == .suspect)
        bench.send(.probePassed(bench.id(1)))
        #expect(bench[1]?.state == .ready)
    }

    @Test(
        "A closed idle connection or a missing first byte only asks for a probe",
        arguments: [
            Observation.Kind.idleClosed, .firstByteTimeout,
        ])
    func probeNow(kind: Observation.Kind) {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.now += 60
        bench.send(.observed(kind, bench.id(1)))
        #expect(bench[1]?.state == .ready)
        #expect(bench.probes(1))
    }

    @Test("However much traffic complains, probes of a replica are 50 ms apart")
    func complaints() {
        var bench = PoolBench()
        bench.makeReady(1)
        var probes = 0
        for _ in 0..<1_000 {
            bench.now += 1
            bench.send(.tick)
            if bench.probes(1) { probes += 1 }
            bench.send(.observed(.idleClosed, bench.id(1)))
            if bench.probes(1) { probes += 1 }
            if bench[1]?.probeStartedAt != nil { bench.send(.probePassed(bench.id(1))) }
        }
        #expect((15...20).contains(probes))
    }

    @Test("A complaint during a probe asks for another probe after it")
    func complaintDuringProbe() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.pass(1_200)
        bench.send(.observed(.idleClosed, bench.id(1)))
        bench.send(.probePassed(bench.id(1)))
        #expect(bench[1]?.nextProbeAt == bench.now + 50)
    }

    @Test("A frozen replica is lost while others are ready")
    func frozen() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.failProbe(1, timeout)
        bench.failProbe(1, timeout)
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .lost)
    }

    @Test(
        "When nothing is ready, those that accept are a last resort, and those that refuse are not")
    func lastResort() {
        var bench = PoolBench()
        bench.makeReady(1, 2, 3, 4)
        for host in [1, 2] as [UInt64] { bench.failProbe(host, .status(500)) }
        for host in [1, 2] as [UInt64] { bench.failProbe(host, .status(500)) }
        #expect(bench.availability(1) == .closed)
        bench.failProbe(3, .refused)
        for _ in 0..<2 { bench.failProbe(4, timeout) }
        #expect(bench.state.readyCount == 0)
        #expect(
            [1, 2, 3, 4].map { bench.availability($0) } == [
                .lastResort, .lastResort, .closed, .lastResort,
            ])
        bench.send(.observed(.connectRefused, bench.id(1)))
        #expect(bench.availability(1) == .closed)
        #expect(bench.actions.contains(.publish))
    }

    @Test("A suspect replica is a last resort while nothing is ready")
    func suspectLastResort() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.failProbe(1, timeout)
        #expect(bench.availability(1) == .lastResort)
    }

    @Test("A probe that gets stuck where real requests are answered does not count")
    func saturated() {
        var bench = PoolBench()
        bench.makeReady(1)
        for _ in 0..<5 {
            bench.pass(1_500)
            bench.send(.served(bench.id(1)))
            bench.send(.probeFailed(bench.id(1), timeout))
            #expect(bench[1]?.state == .ready)
        }
        bench.pass(1_500)
        bench.send(.served(bench.id(1)))
        bench.send(.probeFailed(bench.id(1), .refused))
        #expect(bench[1]?.state == .down)
    }

    @Test("News of answers that may be older than the stuck probe is no excuse")
    func staleNews() {
        var bench = PoolBench()
        bench.makeReady(1)
        while bench[1]?.probeStartedAt == nil { bench.pass(10) }
        bench.pass(PoolRules.servedNewsMilliseconds - 20)
        bench.send(.served(bench.id(1)))
        bench.pass(1_000)
        bench.send(.probeFailed(bench.id(1), timeout))
        #expect(bench[1]?.state == .suspect)
    }

    @Test("A pool without probes has every replica ready as soon as it is known")
    func unprobed() {
        var rules = PoolRules()
        rules.isProbed = false
        var bench = PoolBench(rules)
        bench.list(1)
        #expect(bench[1]?.state == .ready)
        #expect(!bench.probes(1))
        bench.send(.observed(.connectRefused, bench.id(1)))
        #expect(bench[1]?.state == .ready)
    }

    @Test("A drained replica gets no new work, is probed on, and returns when undrained")
    func drain() {
        var bench = PoolBench()
        bench.makeReady(1, 2)
        bench.send(.drainRequested(bench.id(1)))
        #expect(bench[1]?.state == .draining)
        #expect(bench.availability(1) == .closed)
        bench.passProbe(1)
        bench.pass(120_000)
        #expect(bench[1]?.state == .draining)
        bench.send(.undrainRequested(bench.id(1)))
        #expect(bench[1]?.state == .ready)
    }

    @Test("A drained replica that dies is down, and when it comes back it is drained still")
    func drainedAndDead() {
        var bench = PoolBench()
        bench.makeReady(1)
        bench.send(.drainRequested(bench.id(1)))
        bench.failProbe(1, .status(500))
        bench.failProbe(1, .status(500))
        #expect(bench[1]?.state == .down)
        #expect(bench.availability(1) == .closed)
        for _ in 0..<2 { bench.passProbe(1) }
        #expect(bench[1]?.state == .draining)
    }
}
