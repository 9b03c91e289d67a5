import Balancing

/// Which replicas a pool has, and how far each is trusted. Events in, actions out; the time is a
/// parameter, in milliseconds.
///
/// What holds whatever happens:
/// - A replica is ready, or a last resort, only after a probe of it passed.
/// - Only a positive answer with acceptable addresses changes the set of replicas. A negative one
///   never takes a replica that passes its probes.
/// - A truncated answer adds and never removes.
/// - Whoever refuses connections gets none, even as a last resort.
/// - Every replica that is not gone has a probe under way or one planned.
struct PoolState {
    enum Event: Equatable, Sendable {
        /// The sources of the pool, and the rules, are these from now on.
        case configured([PoolSource], PoolRules)
        /// Another resolver: nothing that was asked will be answered.
        case questionsForgotten
        /// An answer with addresses.
        case listed(PoolSource.ID, PoolListing)
        /// An answer without, or none.
        case negative(PoolSource.ID, reason: String)
        /// Whether, after a negative answer, DNS knows the name of weir's own container.
        case canary(PoolSource.ID, Canary)
        /// The container names behind a replica's address; empty if they cannot be known.
        case named(ReplicaID, [String])
        case probePassed(ReplicaID)
        case probeFailed(ReplicaID, ProbeFailure)
        case observed(Observation.Kind, ReplicaID?)
        /// A worker could not agree with it on TLS, for that reason.
        case handshakeFailed(ReplicaID, String)
        /// Real traffic was answered.
        case served(ReplicaID)
        /// How the attempts of replicas ended since the last sample.
        case sampled([ReplicaTally])
        /// - Parameter tunnels: how long tunnels may go on; nil is what the rules say.
        /// - Parameter cause: who wants it, for the log.
        case drainRequested(
            ReplicaID, tunnelMilliseconds: Int? = nil, cause: ReplicaCause = .drainedByOperator)
        case undrainRequested(ReplicaID)
        /// What the process before this one knew; once, after `configured`.
        case inherited([Inherited], ejections: Int)
        /// Some time passed.
        case tick
    }

    enum Canary: Equatable, Sendable {
        /// DNS works, and means what it says.
        case answered
        /// DNS is away, and its silence means nothing.
        case silent
    }

    enum Action: Equatable, Sendable {
        /// Probe this replica; the answer is `probePassed` or `probeFailed`, always.
        ///
        /// - Parameter patience: how long a connect may take. A new container swallows the first
        ///   packets, so that its first probes give up early and begin anew.
        case probe(ReplicaID, patienceMilliseconds: Int)
        /// Ask DNS; the answer is `listed` or `negative`, always.
        case query(PoolSource.ID)
        case queryCanary(PoolSource.ID)
        /// Ask for the names behind the replica's address; the answer is `named`, always.
        case lookUpNames(ReplicaID)
        case report(ReplicaTransition)
        case notice(String)
        /// What workers see has changed.
        case publish
    }

    struct Source {
        var definition: PoolSource
        var nextQueryAt: Int
        var lastQueryAt = Int.min / 2
        var isAsking = false
        /// Questions to all sources are numbered; this is the last one to this source.
        var lastQuestion = 0
        /// Negative answers in a row, counting only those with an answered canary.
        var negatives = 0
        /// What it said last that is not believed, so as to say it once.
        var refused: Set<ReplicaAddress> = []
    }

    /// In the order of their ids.
    var members: [PoolMember] = []
    var readyCount = 0
    var rules = PoolRules()
    var sources: [Source] = []
    var serviceNames = ServiceNames()
    /// The members that are not gone, by address.
    var addresses: [ReplicaAddress: ReplicaID] = [:]
    /// How many questions have been asked.
    var questions = 0
    var ejection = EjectionState()
    /// Ever.
    var ejectionCount = 0
    /// When the weights of replicas that became ready a moment ago are raised next.
    var nextRampAt = Int.max
    private var lastID: UInt64 = 0
    private var isFull = false
    private var actions: [Action] = []
    private var random: UInt64

    /// - Parameter seed: of the jitter.
    init(seed: UInt64) { random = seed }

    /// Takes one event in and says what is to be done about it, in order.
    mutating func handle(_ event: Event, now: Int) -> [Action] {
        switch event {
        case .configured(let sources, let rules): configure(sources, rules, now)
        case .questionsForgotten: forgetQuestions(now)
        case .listed(let source, let listing): list(source, listing, now)
        case .negative(let source, let reason): noteNegative(source, reason, now)
        case .canary(let source, let canary): noteCanary(source, canary, now)
        case .named(let id, let names): withMember(id) { $0.noteNames(names, of: $1, now) }
        case .probePassed(let id): withMember(id) { $0.notePass(of: $1, now) }
        case .probeFailed(let id, let failure):
            withMember(id) { $0.noteFailure(failure, of: $1, now) }
        case .observed(let kind, let id): observe(kind, id, now)
        case .handshakeFailed(let id, let reason): noteHandshakeFailure(id, reason, now)
        case .served(let id): withMember(id) { $0.members[$1].servedAt = now }
        case .sampled(let sample): judge(sample, now)
        case .drainRequested(let id, let tunnels, let cause):
            withMember(id) { $0.drain($1, tunnels, cause, now) }
        case .undrainRequested(let id): withMember(id) { $0.undrain($1, now) }
        case .inherited(let replicas, let ejections): inherit(replicas, ejections: ejections, now)
        case .tick: tick(now)
        }
        defer { actions = [] }
        return actions
    }

    /// When the next `tick` is due; nil if none ever is.
    var nextDeadline: Int? {
        let member = members.lazy.map { $0.nextDeadline(self.rules) }.min() ?? .max
        let source = sources.lazy.map { $0.isAsking ? Int.max : $0.nextQueryAt }.min() ?? .max
        let next = min(member, source, nextRampAt)
        return next == .max ? nil : next
    }

    /// The position of a replica in `members`.
    func index(of id: ReplicaID) -> Int? {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < members.count && members[low].id == id ? low : nil
    }

    private mutating func tick(_ now: Int) {
        let expired = members.filter { $0.isExpired(at: now) }.map(\.id)
        if !expired.isEmpty {
            members.removeAll { $0.isExpired(at: now) }
            perform(.publish)
        }
        endEjections(now)
        stepRamp(now)
        for index in members.indices {
            if members[index].drainDeadline(rules) <= now { end(index, .drainTimeout, now) }
            if members[index].nextProbeAt <= now { startProbe(index, now) }
        }
        for index in sources.indices where !sources[index].isAsking {
            if sources[index].nextQueryAt <= now { query(index, now) }
        }
    }

    private mutating func withMember(_ id: ReplicaID, _ body: (inout PoolState, Int) -> Void) {
        guard let index = index(of: id), members[index].state != .gone else { return }
        body(&self, index)
    }
}

extension PoolState {
    mutating func perform(_ action: Action) {
        if action == .publish, actions.contains(.publish) { return }
        actions.append(action)
    }

    /// Moves a replica to another state, which is said once, with the cause.
    mutating func move(_ index: Int, to state: ReplicaState, _ cause: ReplicaCause, _ now: Int) {
        let member = members[index]
        guard member.state != state else { return }
        readyCount += (state == .ready ? 1 : 0) - (member.state == .ready ? 1 : 0)
        members[index].state = state
        members[index].cause = cause
        members[index].since = now
        members[index].ejectedUntil = nil
        if state != .draining { members[index].leaving = nil }
        noteTunnelEnd(index, now)
        if state == .ready { beginRamp(index, from: member.state, now) }
        perform(
            .report(
                ReplicaTransition(
                    id: member.id, address: member.address, name: member.name, from: member.state,
                    to: state, cause: cause)))
        perform(.publish)
    }

    /// Tunnels have an end while no new work is wanted.
    private mutating func noteTunnelEnd(_ index: Int, _ now: Int) {
        switch members[index].state {
        case .draining:
            guard members[index].tunnelsEndAt == .max else { return }
            members[index].tunnelsEndAt = PoolState.end(of: rules.tunnelMilliseconds, now)
        case .new, .probing, .ready, .suspect, .down:
            if !members[index].isDrained { members[index].tunnelsEndAt = .max }
        case .gone: break
        }
    }

    static func end(of milliseconds: Int, _ now: Int) -> Int {
        let (end, overflow) = now.addingReportingOverflow(milliseconds)
        return overflow ? .max : end
    }

    /// A replica is no member any more.
    mutating func end(_ index: Int, _ cause: ReplicaCause, _ now: Int) {
        guard members[index].state != .gone else { return }
        move(index, to: .gone, cause, now)
        members[index].nextProbeAt = .max
        members[index].sources = []
        addresses[members[index].address] = nil
    }

    /// A replica that was not known; nil when there are too many.
    mutating func insert(_ entry: PoolListing.Entry, _ source: PoolSource.ID, _ now: Int) -> Int? {
        guard hasRoom() else { return nil }
        lastID += 1
        let id = ReplicaID(lastID)
        members.append(
            PoolMember(
                id: id, address: entry.address, weight: entry.weight, sources: [source], since: now)
        )
        addresses[entry.address] = id
        perform(.publish)
        return members.count - 1
    }

    private mutating func hasRoom() -> Bool {
        if members.count >= PoolRules.replicasMaximum { members.removeAll { $0.state == .gone } }
        let hadRoom = !isFull
        isFull = members.count >= PoolRules.replicasMaximum
        if isFull, hadRoom {
            perform(.notice("more than \(PoolRules.replicasMaximum) replicas; the rest is ignored"))
        }
        return !isFull
    }

    /// `milliseconds`, give or take a fifth.
    mutating func jittered(_ milliseconds: Int) -> Int {
        random &+= 0x9e37_79b9_7f4a_7c15
        var bits = random
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        let spread = max(1, milliseconds * 2 / 5)
        return milliseconds - spread / 2 + Int((bits ^ bits >> 31) % UInt64(spread))
    }
}
