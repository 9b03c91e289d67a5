internal import Balancing
internal import Transport

/// A replica as the rest of the control plane sees it.
struct ReplicaStatus: Equatable, Sendable {
    var id: ReplicaID
    var address: SocketAddress
    /// The container name if DNS told it, else the address with its port.
    var name: String
    var state: ReplicaState
    /// Why it is in that state, in the words of the log.
    var cause: String
    /// Since when: nanoseconds since 1970, UTC.
    var sinceWallNanoseconds: UInt64
    /// What a worker may do with it. A replica that is gone stays listed as `lost` for some
    /// seconds, so that every worker gets a snapshot that says so.
    var availability: Replica.Availability
    /// 1 to 1000.
    var weight: Int
    /// How much of its weight it has now: less than 100 for a while after it became ready.
    var rampPercent = 100
    var lastProbe: ProbeReport?
    /// When it was found, or found again.
    var discoveredAt = Instant(nanoseconds: 0)
    /// An operator wants no new work there, whatever its state is now.
    var isDrained = false
    /// When its tunnels are ended; nil: they end by themselves.
    var tunnelEnd: TunnelEnd?
    /// What its certificate must be for, if it is spoken to by TLS.
    var serverName = ""
}

/// Keeps the replicas of one pool known and probed: the thin part around `PoolState`.
///
/// It starts by itself, with the loop's next turn. Everything happens on the loop's thread. The
/// closures may be called from within a call of a method of the director.
final class PoolDirector {
    /// Something in `replicas` that matters to workers changed: publish.
    var onChange: () -> Void = {}
    /// One replica changed its state: log it. Called before `onChange`.
    var onTransition: (ReplicaTransition) -> Void = { _ in }
    /// Something about discovery that an operator should read, once per change.
    var onNotice: (String) -> Void = { _ in }
    /// What replicas are probed by; nil: plain.
    var tlsContext: () -> TLSContext? = { nil }
    /// The name that DNS must know if it is in order: that of weir's own container.
    var canaryName = SystemNames.hostName()

    /// What the state need not know to decide.
    private struct Detail {
        var sinceWallNanoseconds: UInt64
        var lastProbe: ProbeReport?
    }

    /// Ticks are not closer together than this, however many replicas there are.
    private static let tickMillisecondsMinimum = 8

    private let loop: EventLoop
    private let prober: Prober
    private var resolver: Resolver
    private var configuration: PoolConfiguration
    private var sources = PoolSources()
    private var networks = AttachedRanges()
    private var state: PoolState
    private var details: [ReplicaID: Detail] = [:]
    private let startedAt = Instant.now()
    private var timer: (scheduled: EventLoop.Scheduled, at: Int)?
    private var isStopped = false
    /// Probes that ended, and those of them that did not pass, since the pool appeared.
    private(set) var probeCount = 0
    private(set) var probeFailureCount = 0
    /// The state knows its sources and rules.
    private var hasBegun = false

    init(_ configuration: PoolConfiguration, resolver: Resolver, prober: Prober) {
        loop = resolver.loop
        self.resolver = resolver
        self.prober = prober
        self.configuration = configuration
        state = PoolState(seed: Machine.randomBits())
        loop.schedule(afterMilliseconds: 0) { [weak self] in
            if self?.hasBegun == false { self?.configure() }
        }
    }

    /// Begins at once, with what the process before this one knew.
    func begin(with memory: HandoverState.PoolMemory) {
        configure()
        let replicas = memory.replicas.compactMap(inherited)
        handle(.inherited(replicas, ejections: memory.ejections))
        for replica in replicas {
            guard let id = state.addresses[replica.address] else { continue }
            let since = UInt64(clamping: replica.memory.sinceWall)
            details[id, default: Detail(sinceWallNanoseconds: since)].sinceWallNanoseconds = since
        }
    }

    /// What the process after this one is to know.
    func memories() -> [ReplicaMemory] {
        let now = now
        return state.members.filter(ReplicaMemory.isWorthIt).map { member in
            var memory = ReplicaMemory(member, now: now)
            memory.address = "\(SocketAddress(member.address))"
            memory.sources = member.sources.compactMap { sources.source($0)?.text }.sorted()
            memory.sinceWall = Int(clamping: details[member.id]?.sinceWallNanoseconds ?? 0)
            return memory
        }
    }

    /// All replicas, in the order of their ids.
    var replicas: [ReplicaStatus] {
        let warmest = state.warmestSince
        let now = now
        return state.members.map { member in
            let address = SocketAddress(member.address)
            let detail = details[member.id]
            return ReplicaStatus(
                id: member.id, address: address,
                name: member.name.isEmpty ? address.description : member.name,
                state: member.state, cause: member.cause.description,
                sinceWallNanoseconds: detail?.sinceWallNanoseconds ?? 0,
                availability: member.availability(readyCount: state.readyCount),
                weight: member.weight,
                rampPercent: state.rampPercent(member, warmestSince: warmest, now),
                lastProbe: detail?.lastProbe,
                discoveredAt: moment(member.discoveredAt),
                isDrained: member.isDrained, tunnelEnd: tunnelEnd(member),
                serverName: sources.serverName(of: member, configuration))
        }
    }

    /// What real traffic taught a worker. `id` is nil for `held`.
    func observe(_ kind: Observation.Kind, code: Int32 = 0, replica id: ReplicaID?) {
        if kind == .handshakeFailed, let id {
            handle(.handshakeFailed(id, "\(TLSFailure(code: code))"))
        } else {
            handle(.observed(kind, id))
        }
    }

    /// Real traffic got answers from this replica since the last call: a probe that timed out
    /// meanwhile does not count against it.
    func noteServed(_ id: ReplicaID) { handle(.served(id)) }

    /// How real attempts ended since the last call.
    func judge(_ sample: [ReplicaTally]) { handle(.sampled(sample)) }

    /// How often real traffic took a replica out.
    var ejectionCount: Int { state.ejectionCount }

    /// No new work for the replica, until `undrain`. False if there is no such replica.
    ///
    /// - Parameters:
    ///   - tunnelMilliseconds: how long its tunnels may go on; nil is what the configuration says.
    ///   - cause: who wants it, for the log.
    func drain(
        _ id: ReplicaID, tunnelMilliseconds: Int? = nil,
        cause: ReplicaCause = .drainedByOperator
    ) -> Bool {
        guard isMember(id) else { return false }
        handle(.drainRequested(id, tunnelMilliseconds: tunnelMilliseconds, cause: cause))
        return true
    }

    /// The replica takes new work again, once it passes its probes.
    func undrain(_ id: ReplicaID) -> Bool {
        guard isMember(id) else { return false }
        handle(.undrainRequested(id))
        return true
    }

    /// Goes on with another configuration; replicas that are in both keep their state.
    func reconfigure(_ configuration: PoolConfiguration, resolver: Resolver) {
        let isOther = self.resolver !== resolver
        self.configuration = configuration
        self.resolver = resolver
        configure()
        if isOther { handle(.questionsForgotten) }
    }

    /// Ends all timers; what probes and questions under way come to is ignored.
    func stop() {
        isStopped = true
        if let timer { loop.cancel(timer.scheduled) }
        timer = nil
    }

    private func tunnelEnd(_ member: PoolMember) -> TunnelEnd? {
        guard member.tunnelsEndAt != .max else { return nil }
        let end = startedAt.adding(milliseconds: member.tunnelsEndAt)
        return TunnelEnd(
            at: end.nanoseconds,
            spreadNanoseconds: UInt64(configuration.drain.spreadMilliseconds) * 1_000_000)
    }

    private func isMember(_ id: ReplicaID) -> Bool {
        state.index(of: id).map { state.members[$0].state != .gone } ?? false
    }

    /// A replica that was found before this process began has a time below zero.
    private func moment(_ milliseconds: Int) -> Instant {
        let offset = UInt64(bitPattern: Int64(milliseconds) &* 1_000_000)
        return Instant(nanoseconds: startedAt.nanoseconds &+ offset)
    }

    private func inherited(_ memory: ReplicaMemory) -> PoolState.Inherited? {
        do throws(Refusal) {
            let address = try AddressText.server(memory.address, port: 0)
            return PoolState.Inherited(
                address: ReplicaAddress(address), sources: sources.ids(of: memory.sources),
                memory: memory)
        } catch {
            return nil
        }
    }

    private func configure() {
        hasBegun = true
        let definitions = sources.definitions(of: configuration, resolver: resolver)
        let rules = PoolRules(configuration, resolver.configuration)
        handle(.configured(definitions, rules))
    }

    private var now: Int { Instant.now().milliseconds(since: startedAt) }

    private func handle(_ event: PoolState.Event) {
        guard !isStopped else { return }
        var isChanged = false
        for action in state.handle(event, now: now) {
            if action == .publish { isChanged = true } else { perform(action) }
        }
        if isChanged {
            if details.count > state.members.count { forgetDetails() }
            onChange()
        }
        arm()
    }

    private func perform(_ action: PoolState.Action) {
        switch action {
        case .probe(let id, let patience): probe(id, patience)
        case .query(let source): query(source)
        case .queryCanary(let source): queryCanary(source)
        case .lookUpNames(let id): lookUpNames(id)
        case .notice(let text): onNotice(text)
        case .publish: break
        case .report(let transition):
            let wall = WallClock.nanoseconds()
            details[transition.id, default: Detail(sinceWallNanoseconds: wall)]
                .sinceWallNanoseconds = wall
            onTransition(transition)
        }
    }

    private func forgetDetails() {
        details = details.filter { state.index(of: $0.key) != nil }
    }

    private func arm() {
        let now = now
        if let timer, timer.at <= now + PoolDirector.tickMillisecondsMinimum { return }
        guard !isStopped, let deadline = state.nextDeadline else { return }
        let at = max(deadline, now + PoolDirector.tickMillisecondsMinimum)
        if let timer {
            if timer.at <= at { return }
            loop.cancel(timer.scheduled)
        }
        let scheduled = loop.schedule(afterMilliseconds: at - now) { [weak self] in
            self?.timer = nil
            self?.handle(.tick)
        }
        timer = (scheduled, at)
    }
}

/// What the actions of the state come to.
extension PoolDirector {
    private func probe(_ id: ReplicaID, _ patience: Int) {
        guard let index = state.index(of: id) else { return }
        let member = state.members[index]
        guard let method = sources.probeMethod(of: member, configuration) else { return }
        var target = ProbeTarget(
            address: SocketAddress(member.address), method: method,
            timeoutMilliseconds: configuration.probe.timeout, connectTimeoutMilliseconds: patience)
        target.proxyProtocol = configuration.settings.proxyProtocol
        target.tls = tlsContext().map {
            .init(context: $0, serverName: sources.serverName(of: member, configuration))
        }
        prober.probe(target) { [weak self] outcome in
            guard let self else { return }
            probeCount += 1
            if outcome.failure != nil { probeFailureCount += 1 }
            details[id]?.lastProbe = ProbeReport(
                wallNanoseconds: WallClock.nanoseconds(),
                outcome: outcome.failure?.description ?? "pass",
                milliseconds: outcome.milliseconds)
            handle(outcome.failure.map { .probeFailed(id, $0) } ?? .probePassed(id))
        }
    }

    private func query(_ id: PoolSource.ID) {
        guard let source = sources.source(id) else { return }
        let completion: NameLookup.Completion = { [weak self] sighting in
            self?.noteSighting(sighting, id)
        }
        let lookup = NameLookup(resolver: resolver)
        switch source {
        case .name(let name, let port, let weight):
            lookup.addresses(of: name, port: port, weight: weight, completion)
        case .service(let name): lookup.service(name, completion)
        case .address: break
        }
    }

    private func noteSighting(_ sighting: Sighting, _ id: PoolSource.ID) {
        guard !sighting.endpoints.isEmpty else {
            let reason = sighting.failure ?? .empty
            handle(.negative(id, reason: reason.description))
            return
        }
        let entries = sighting.endpoints.map {
            PoolListing.Entry(address: ReplicaAddress($0.address), weight: $0.weight)
        }
        let isGuarded =
            !sighting.isLocal
            && sources.isGuarded(id, configuration.addresses, resolver: resolver)
        let accepted = isGuarded ? networks.current() : nil
        handle(
            .listed(
                id,
                PoolListing(
                    entries: entries, isComplete: sighting.isComplete, accepted: accepted,
                    isLocal: sighting.isLocal)))
    }

    private func queryCanary(_ id: PoolSource.ID) {
        guard let canaryName else { return }
        resolver.ask(canaryName, .a) { [weak self] answer in
            self?.handle(.canary(id, answer.records.isEmpty ? .silent : .answered))
        }
    }

    private func lookUpNames(_ id: ReplicaID) {
        guard let index = state.index(of: id) else { return }
        let address = state.members[index].address
        // Only the network's own server knows containers; names of the world outside say nothing.
        guard
            networks.current().contains(where: { $0.contains(high: address.high, low: address.low) }
            )
        else {
            loop.schedule(afterMilliseconds: 0) { [weak self] in self?.handle(.named(id, [])) }
            return
        }
        resolver.askName(of: SocketAddress(address)) { [weak self] answer in
            let names = answer.records.compactMap { record -> String? in
                if case .host(let name) = record { name } else { nil }
            }
            self?.handle(.named(id, names))
        }
    }
}
