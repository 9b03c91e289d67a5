import Balancing
import Testing

@testable import ControlPlane

/// Seeded storms of events against `PoolState`, with a network that is sometimes up, and the
/// promises of its doc comment checked after every event.
struct PoolStormTests {
    @Test("The promises of PoolState hold in every storm", arguments: 1...5 as ClosedRange<UInt64>)
    func storm(seed: UInt64) {
        var storm = PoolStorm(seed: seed)
        for step in 0..<20_000 {
            storm.step()
            if let broken = storm.broken {
                Issue.record("seed \(seed), step \(step): \(broken)")
                return
            }
        }
        // A storm in which nothing happened would prove nothing.
        #expect(storm.readyCount > 100)
        #expect(storm.goneCount > 100)
        #expect(storm.lastResortCount > 10)
        #expect(storm.leavingCount > 2)
        #expect(storm.stoppingCount > 2)
        #expect(storm.state.ejectionCount > 10)
    }

    @Test(
        "After a storm, a calm network has exactly its replicas ready",
        arguments: 201...206 as ClosedRange<UInt64>)
    func calm(seed: UInt64) {
        var storm = PoolStorm(seed: seed)
        for _ in 0..<5_000 { storm.step() }
        storm.calm(milliseconds: 400_000)
        #expect(storm.broken == nil)
        let ready = Set(storm.state.members.filter { $0.state == .ready }.map(\.address.low))
        #expect(ready == Set(storm.network.listed))
        #expect(storm.state.members.allSatisfy { $0.state == .ready })
    }
}

/// What the storm's replicas really do.
struct StormNetwork {
    enum Health: CaseIterable { case passing, refusing, silent, failing, leaving }

    /// Whose container is at each address.
    var owners: [UInt64: String] = [:]
    var health: [UInt64: Health] = [:]
    /// The addresses of this service.
    var listed: [UInt64] { owners.filter { $0.value.hasPrefix("shop-app-") }.keys.sorted() }
}

struct PoolStorm {
    static let source = PoolSource.ID(number: 1)
    static let accepted = AddressRange(maskHigh: .max, maskLow: ~0xff, baseHigh: 0, baseLow: 0)

    var state: PoolState
    var network = StormNetwork()
    /// The first promise found broken.
    var broken: String?
    var readyCount = 0
    var goneCount = 0
    var lastResortCount = 0

    var now = 0
    private var random: UInt64
    private var probes: [ReplicaID] = []
    private var lookups: [ReplicaID] = []
    private var isQueryUnderWay = false
    private var canaries = 0
    private var nextContainer = 0
    /// Replicas of which a probe passed since they were last new or back.
    private var passed: Set<ReplicaID> = []
    private var lastProbeRefused: Set<ReplicaID> = []
    /// Replicas whose last probe asked for a drain.
    private var asked: Set<ReplicaID> = []
    var leavingCount = 0
    var stoppingCount = 0

    init(seed: UInt64) {
        state = PoolState(seed: seed)
        random = (seed &+ 1) &* 0xd134_2543_de82_ef95
        let source = PoolSource(
            id: Self.source, origin: .polled, asksNames: true, service: "app")
        send(.configured([source], PoolRules()))
    }

    /// One random event of the world, of the network, or of the clock.
    mutating func step() {
        switch roll(20) {
        case 0: start()
        case 1: stopOne()
        case 2: network.health[UInt64(1 + roll(12))] = StormNetwork.Health.allCases[roll(5)]
        case 3...7: answerProbe()
        case 8...9: answerQuery(isWild: true)
        case 10: answerLookup(isWild: true)
        case 11: answerCanary(roll(2) == 0 ? .answered : .silent)
        case 12...13: traffic()
        case 14: roll(2) == 0 ? operate() : judgeTraffic()
        default: passTime(roll(300))
        }
        check()
    }

    /// Everything works from now on, and is answered as it is.
    mutating func calm(milliseconds: Int) {
        for address in network.owners.keys { network.health[address] = .passing }
        for member in state.members { send(.undrainRequested(member.id)) }
        let end = now + milliseconds
        while now < end, broken == nil {
            while !probes.isEmpty { answerProbe() }
            while !lookups.isEmpty { answerLookup(isWild: false) }
            if isQueryUnderWay { answerQuery(isWild: false) }
            while canaries > 0 { answerCanary(.answered) }
            passTime(20)
            check()
        }
    }

    mutating func roll(_ sides: Int) -> Int {
        random &+= 0x9e37_79b9_7f4a_7c15
        var bits = random
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((bits ^ bits >> 31) % UInt64(sides))
    }

    mutating func send(_ event: PoolState.Event) {
        let membersBefore = Set(state.members.filter { $0.state != .gone }.map(\.address.low))
        for action in state.handle(event, now: now) { note(action) }
        checkMembers(before: membersBefore, event)
        checkEjected(by: event)
    }

    private mutating func note(_ action: PoolState.Action) {
        switch action {
        case .probe(let id, _): probes.append(id)
        case .query: isQueryUnderWay = true
        case .queryCanary: canaries += 1
        case .lookUpNames(let id): lookups.append(id)
        case .report(let transition):
            if transition.to == .ready { readyCount += 1 }
            if transition.to == .gone { goneCount += 1 }
            if transition.cause == .drainAsked { leavingCount += 1 }
            if transition.cause == .stopping { stoppingCount += 1 }
            if transition.to == .probing { passed.remove(transition.id) }
            if transition.to == .ready, !passed.contains(transition.id) {
                broken = "\(transition.id) became ready without a pass"
            }
            if transition.to == .ready, transition.name.hasPrefix("shop-db") {
                broken = "\(transition.name) became ready"
            }
        case .notice, .publish: break
        }
    }
}

/// What happens to the network.
extension PoolStorm {
    /// The lowest free address goes to the next container, as in Docker.
    private mutating func start() {
        guard let free = (1...12).first(where: { network.owners[$0] == nil }) else { return }
        nextContainer += 1
        network.owners[free] =
            roll(4) == 0 ? "shop-db-\(nextContainer)" : "shop-app-\(nextContainer)"
        network.health[free] = roll(2) == 0 ? .passing : .refusing
    }

    private mutating func stopOne() {
        let taken = network.owners.keys.sorted()
        guard !taken.isEmpty else { return }
        network.owners[taken[roll(taken.count)]] = nil
    }

    private mutating func traffic() {
        let kinds: [Observation.Kind] = [
            .connectRefused, .connectFailed, .idleClosed, .closedBeforeResponse, .firstByteTimeout,
            .held,
        ]
        guard let id = randomID() else { return }
        if roll(4) == 0 { return send(.served(id)) }
        let kind = kinds[roll(6)]
        if kind == .connectRefused { lastProbeRefused.insert(id) }
        send(.observed(kind, kind == .held ? nil : id))
        // An application that is told to stop.
        guard kind == .idleClosed, roll(2) == 0 else { return }
        lastProbeRefused.insert(id)
        send(.observed(.connectRefused, id))
    }

    private mutating func operate() {
        guard let id = randomID() else { return }
        switch roll(6) {
        case 0: send(.drainRequested(id))
        case 1: send(.drainRequested(id, tunnelMilliseconds: roll(30_000)))
        default: send(.undrainRequested(id))
        }
    }

    /// Also ids that never were.
    mutating func randomID() -> ReplicaID? {
        guard !state.members.isEmpty, roll(20) > 0 else { return ReplicaID(1 << 40) }
        return state.members[roll(state.members.count)].id
    }

    private mutating func passTime(_ milliseconds: Int) {
        now += milliseconds
        send(.tick)
    }
}

/// What the state asked for, and is told.
extension PoolStorm {
    private mutating func answerProbe() {
        guard !probes.isEmpty else { return }
        let id = probes.remove(at: roll(probes.count))
        guard let index = state.index(of: id), state.members[index].state != .gone else {
            return send(.probePassed(id))
        }
        let address = state.members[index].address.low
        let health = network.owners[address] == nil ? .silent : network.health[address] ?? .passing
        lastProbeRefused.remove(id)
        asked.remove(id)
        switch health {
        case .passing:
            passed.insert(id)
            send(.probePassed(id))
        case .refusing:
            lastProbeRefused.insert(id)
            send(.probeFailed(id, .refused))
        case .silent: send(.probeFailed(id, .timeout(milliseconds: 1_000)))
        case .failing: send(.probeFailed(id, .status(500)))
        case .leaving:
            send(.probeFailed(id, .drain))
            if state.index(of: id).map({ state.members[$0].lastFailure }) == .drain {
                asked.insert(id)
            }
        }
    }

    private mutating func answerQuery(isWild: Bool) {
        guard isQueryUnderWay else { return }
        isQueryUnderWay = false
        let entries = network.listed.map(Self.entry)
        switch isWild ? roll(10) : 9 {
        case 0...1: send(.negative(Self.source, reason: "SERVFAIL"))
        case 2: list([Self.entry(0x9_0000 + UInt64(roll(3)))])
        case 3: list(entries.dropLast() + [Self.entry(0x9_0000)])
        case 4: list(Array(entries.prefix(1)), isComplete: false)
        default:
            if entries.isEmpty {
                send(.negative(Self.source, reason: "NXDOMAIN"))
            } else {
                list(entries)
            }
        }
    }

    private mutating func list(_ entries: [PoolListing.Entry], isComplete: Bool = true) {
        let listing = PoolListing(
            entries: entries, isComplete: isComplete, accepted: [Self.accepted])
        send(.listed(Self.source, listing))
    }

    private mutating func answerLookup(isWild: Bool) {
        guard !lookups.isEmpty else { return }
        let id = lookups.removeFirst()
        let address = state.index(of: id).map { state.members[$0].address.low } ?? 0
        let isSilent = isWild && roll(8) == 0
        send(.named(id, isSilent ? [] : network.owners[address].map { [$0 + ".net"] } ?? []))
    }

    private mutating func answerCanary(_ canary: PoolState.Canary) {
        guard canaries > 0 else { return }
        canaries -= 1
        send(.canary(Self.source, canary))
    }

    private static func entry(_ host: UInt64) -> PoolListing.Entry {
        PoolListing.Entry(address: ReplicaAddress(high: 0, low: host, port: 80), weight: 1)
    }
}

/// The promises.
extension PoolStorm {
    /// Only a positive answer may take a replica that passes its probes; nobody adopts strangers.
    private mutating func checkMembers(before: Set<UInt64>, _ event: PoolState.Event) {
        if state.members.contains(where: { $0.address.low > 0xff }) {
            broken = "a foreign address was adopted"
        }
        switch event {
        case .negative, .canary: break
        case .listed(_, let listing) where !listing.isComplete: break
        default: return
        }
        let lost = state.members.filter { member in
            member.state == .gone && before.contains(member.address.low) && member.since == now
                && member.failures == 0 && member.cause == .nameHasNoReplicas
        }
        if !lost.isEmpty { broken = "\(event) took replicas that pass: \(lost.map(\.id))" }
        let after = Set(state.members.filter { $0.state != .gone }.map(\.address.low))
        if case .listed = event, !after.isSuperset(of: before) {
            broken = "a truncated answer removed replicas"
        }
    }

    private mutating func check() {
        for member in state.members {
            if let problem = problem(member) { broken = "\(member): \(problem)" }
        }
        let ready = state.members.count { $0.state == .ready }
        if ready != state.readyCount { broken = "counted \(state.readyCount) of \(ready) ready" }
        let live = state.members.filter { $0.state != .gone }
        if Set(live.map(\.address)).count != live.count { broken = "two replicas at one address" }
        if state.addresses.count != live.count {
            broken = "the addresses are not those of the members"
        }
        if state.members.count > PoolRules.replicasMaximum { broken = "too many members" }
        checkEjections()
        if !isQueryUnderWay, state.sources[0].nextQueryAt == .max {
            broken = "no question is planned"
        }
    }

    private mutating func problem(_ member: PoolMember) -> String? {
        let availability = member.availability(readyCount: state.readyCount)
        if availability == .lastResort { lastResortCount += 1 }
        if member.state == .gone {
            return member.nextProbeAt == .max ? nil : "gone, and a probe is planned"
        }
        if member.probeStartedAt == nil, member.nextProbeAt == .max {
            return "forgotten by the timer"
        }
        if member.probeStartedAt != nil, !probes.contains(member.id) { return "waits for no probe" }
        if member.isAskingNames, !lookups.contains(member.id) { return "waits for no name" }
        if availability == .lastResort, state.readyCount > 0 { return "last resort without need" }
        if availability == .lastResort, member.lastFailure == .refused {
            return "last resort that refuses"
        }
        if availability == .ready || availability == .lastResort {
            if !passed.contains(member.id) { return "gets traffic, and never passed" }
            if member.isDrained || member.leftAt != nil { return "gets traffic while draining" }
            if asked.contains(member.id) { return "gets traffic, and asked to be drained" }
            if member.leaving != nil { return "gets traffic, and is leaving" }
            if member.tunnelsEndAt != .max { return "gets traffic, and its tunnels end" }
        }
        if member.state == .draining, member.tunnelsEndAt == .max {
            return "drains, and its tunnels have no end"
        }
        if member.leaving != nil, member.state != .draining {
            return "leaves without draining"
        }
        return nil
    }
}
