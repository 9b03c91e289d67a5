internal import Balancing

/// What a process knows of one replica, as its successor goes on with it. Times are milliseconds
/// before the handover.
struct ReplicaMemory: JSONRecord, Equatable {
    /// Address and port.
    var address = ""
    var weight = 1
    /// The places of the configuration that it comes from, in their words.
    var sources: [String] = []
    var state = ""
    var cause = ""
    /// Since when, as nanoseconds since 1970.
    var sinceWall = 0
    var sinceAge = 0
    var discoveredAge = 0
    var warmAge = 0
    var names: [String] = []
    var hasNames = false
    var isDrained = false
    /// The replica asked for its drain itself.
    var drainedItself = false
    /// How it said that it wants no new work: `asked`, `stopping`, or nothing.
    var leaving = ""
    /// Until its tunnels are ended; nil: they end by themselves.
    var tunnelsEndIn: Int?
    var failures = 0
    /// What failed last: it `accepts` and does not answer well, it `refuses`, or nothing did.
    var lastFailure = ""
    /// Until its ejection is over; nil: it is not ejected.
    var ejectedFor: Int?
    var ejections = 0

    static var fields: [JSONField<Self>] {
        [
            JSONField("address", \.address), JSONField("weight", \.weight),
            JSONField("sources", \.sources), JSONField("state", \.state),
            JSONField("cause", \.cause), JSONField("since_wall", \.sinceWall),
            JSONField("since_age", \.sinceAge), JSONField("discovered_age", \.discoveredAge),
            JSONField("warm_age", \.warmAge), JSONField("names", \.names),
            JSONField("has_names", \.hasNames), JSONField("drained", \.isDrained),
            JSONField("drained_itself", \.drainedItself), JSONField("leaving", \.leaving),
            JSONField("tunnels_end_in", \.tunnelsEndIn), JSONField("failures", \.failures),
            JSONField("last_failure", \.lastFailure), JSONField("ejected_for", \.ejectedFor),
            JSONField("ejections", \.ejections),
        ]
    }

    init() {}

    /// - Parameter now: as `PoolState` counts it.
    init(_ member: PoolMember, now: Int) {
        weight = member.weight
        state = member.state.rawValue
        cause = member.cause.description
        sinceAge = now - member.since
        discoveredAge = now - member.discoveredAt
        warmAge = now - member.warmSince
        names = member.names
        hasNames = member.hasNames
        isDrained = member.isDrained
        drainedItself = member.drainCause == .drainAsked
        leaving = member.leaving.map { $0 == .asked ? "asked" : "stopping" } ?? ""
        tunnelsEndIn = member.tunnelsEndAt == .max ? nil : max(0, member.tunnelsEndAt - now)
        failures = member.failures
        lastFailure = member.lastFailure.map { $0.isAccepting ? "accepts" : "refuses" } ?? ""
        ejectedFor = member.ejectedUntil.map { max(0, $0 - now) }
        ejections = member.ejections
    }

    /// Whether a successor is to know of it: DNS lists it, and its first probe has passed. All
    /// others are found and probed as at any start.
    static func isWorthIt(_ member: PoolMember) -> Bool {
        guard !member.sources.isEmpty, member.naming == .settled else { return false }
        switch member.state {
        case .new, .probing, .gone: return false
        case .ready, .suspect, .down, .draining: return true
        }
    }
}

/// Taking up what another process knew.
extension PoolState {
    /// One replica of the former process, with the sources that the configuration still has.
    struct Inherited: Equatable, Sendable {
        var address: ReplicaAddress
        var sources: Set<PoolSource.ID>
        var memory: ReplicaMemory
    }

    /// The replicas are trusted as far as they were; a probe of each is on its way.
    mutating func inherit(_ replicas: [Inherited], ejections: Int, _ now: Int) {
        ejectionCount += ejections
        for replica in replicas {
            guard let state = ReplicaState(rawValue: replica.memory.state),
                let index = place(replica, now)
            else { continue }
            readyCount += (state == .ready ? 1 : 0) - (members[index].state == .ready ? 1 : 0)
            members[index].recall(replica.memory, state, now)
            for name in replica.memory.names { serviceNames.learn(name) }
            if rules.isProbed { probeSoon(index, now) } else { promote(index, now) }
        }
        planRamp(now)
        perform(.publish)
    }

    /// Fixed addresses are members already.
    private mutating func place(_ replica: Inherited, _ now: Int) -> Int? {
        if let known = addresses[replica.address].flatMap(index(of:)) { return known }
        guard let source = replica.sources.min(by: { $0.number < $1.number }) else { return nil }
        let entry = PoolListing.Entry(address: replica.address, weight: replica.memory.weight)
        guard let index = insert(entry, source, now) else { return nil }
        members[index].sources = replica.sources
        members[index].hasNames = replica.memory.hasNames
        return index
    }
}

extension PoolMember {
    fileprivate mutating func recall(_ memory: ReplicaMemory, _ state: ReplicaState, _ now: Int) {
        self.state = state
        cause = .asBefore(memory.cause)
        since = now - memory.sinceAge
        discoveredAt = now - memory.discoveredAge
        warmSince = now - memory.warmAge
        names = memory.names
        naming = .settled
        isDrained = memory.isDrained
        drainCause = memory.drainedItself ? .drainAsked : .drainedByOperator
        leaving =
            switch memory.leaving {
            case "asked": .asked
            case "stopping": .stopping
            default: nil
            }
        tunnelsEndAt = memory.tunnelsEndIn.map { now + $0 } ?? .max
        hasPassed = true
        passes = state == .ready ? 1 : 0
        failures = memory.failures
        lastFailure =
            switch memory.lastFailure {
            case "accepts": .closed
            case "refuses": .refused
            default: nil
            }
        ejectedUntil = memory.ejectedFor.map { now + $0 }
        ejections = memory.ejections
    }
}
