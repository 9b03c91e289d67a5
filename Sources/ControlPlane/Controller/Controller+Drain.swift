internal import Balancing
internal import Transport

/// What an operator wants drained, or taken in again.
struct DrainRequest: Equatable, Sendable {
    /// Container names, addresses with their port, or bare addresses.
    var replicas: [String] = []
    /// Only replicas of this pool.
    var pool: String?
    /// Those of the pool that were discovered longer ago than this, beside the ones named.
    var olderThanMilliseconds: Int?
    /// How long tunnels may go on; nil is what each pool says.
    var tunnelMilliseconds: Int?
    /// Whether a pool may be left without a ready replica.
    var emptying = Emptying.refused

    enum Emptying: Equatable, Sendable { case refused, allowed }
}

/// A replica of a pool, as found by what an operator called it.
struct FoundReplica {
    var pool: RunningPool
    var status: ReplicaStatus
    /// Its row; nil if it has none yet.
    var row: Int?
}

/// Draining and taking in again.
extension Controller {
    /// No new work for these replicas, until `undrain`; all of them or none.
    ///
    /// - Returns: the replicas as they are now.
    /// - Throws: if a name is unknown or means several replicas of one pool, if nothing is asked
    ///   for, or if a pool would have no ready replica any more.
    func drain(_ request: DrainRequest) throws(ControlError) -> [FoundReplica] {
        let found = try find(request)
        if request.emptying == .refused { try checkRemaining(without: found) }
        for replica in found {
            _ = replica.pool.director.drain(
                replica.status.id, tunnelMilliseconds: request.tunnelMilliseconds)
        }
        publishIfDue()
        saveState()
        return refreshed(found)
    }

    /// The replicas take new work again, once they pass their probes; all of them or none.
    func undrain(_ request: DrainRequest) throws(ControlError) -> [FoundReplica] {
        // Drains of the state file whose replicas were not found yet are taken back as well.
        var rest = request
        if !pendingDrains.isEmpty {
            let members = pools.flatMap(members)
            rest.replicas.removeAll { name in
                isPending(name, request.pool)
                    && !members.contains {
                        $0.status.isCalled(name) && request.pool ?? $0.pool.name == $0.pool.name
                    }
            }
        }
        let isDone = rest.replicas.isEmpty && !request.replicas.isEmpty
        let found = isDone ? [] : try find(rest)
        pendingDrains.removeAll { drain in
            request.replicas.contains { drain.isMeant($0, request.pool) }
        }
        for replica in found { _ = replica.pool.director.undrain(replica.status.id) }
        publishIfDue()
        saveState()
        return refreshed(found)
    }

    /// Drains every replica with this address, whatever its port and pool, also the last one of a
    /// pool: it is about to stop in any case.
    ///
    /// - Returns: the replicas as they are now; none if nobody has the address.
    func drainAll(at address: SocketAddress) -> [FoundReplica] {
        let found = pools.flatMap(members).filter {
            $0.status.address.withPort(0) == address.withPort(0)
        }
        for replica in found {
            _ = replica.pool.director.drain(replica.status.id, cause: .drainAsked)
        }
        publishIfDue()
        saveState()
        return refreshed(found)
    }

    /// Requests and tunnels on the replica, over all workers.
    func inFlight(on replica: FoundReplica) -> Int {
        replica.row.map { workers.board.inFlight(replicaRow: $0) } ?? 0
    }

    private func isPending(_ name: String, _ pool: String?) -> Bool {
        pendingDrains.contains { $0.isMeant(name, pool) }
    }

    /// Every replica that is not gone, with its pool.
    private func members(of pool: RunningPool) -> [FoundReplica] {
        pool.director.replicas.filter { $0.state != .gone }.map { status in
            FoundReplica(pool: pool, status: status, row: pool.row(of: status.id))
        }
    }

    /// The same replicas as they are now, without those that are gone.
    private func refreshed(_ replicas: [FoundReplica]) -> [FoundReplica] {
        var now: [ReplicaKey: FoundReplica] = [:]
        let rows = Set(replicas.map(\.pool.row))
        for pool in pools where rows.contains(pool.row) {
            for member in members(of: pool) { now[ReplicaKey(member)] = member }
        }
        return replicas.compactMap { now[ReplicaKey($0)] }
    }

    private func find(_ request: DrainRequest) throws(ControlError) -> [FoundReplica] {
        let chosen = try request.pool.map { name throws(ControlError) in [try pool(name)] } ?? pools
        let members = chosen.flatMap(members)
        var found: [FoundReplica] = []
        var problems: [String] = []
        for name in request.replicas {
            let named = members.filter { $0.status.isCalled(name) }
            if let problem = Controller.problem(name, named, members, request.pool) {
                problems.append(problem)
            }
            found += named
        }
        if let milliseconds = request.olderThanMilliseconds {
            if request.pool == nil { problems.append("older than which replicas? Name the pool") }
            let now = Instant.now()
            found += members.filter {
                now.milliseconds(since: $0.status.discoveredAt) > milliseconds
            }
        } else if request.replicas.isEmpty {
            problems.append("no replica was named")
        }
        guard problems.isEmpty else { throw ControlError(problems) }
        var seen: Set<ReplicaKey> = []
        return found.filter { seen.insert(ReplicaKey($0)).inserted }
    }

    private struct ReplicaKey: Hashable {
        var row: Int
        var id: ReplicaID

        init(_ replica: FoundReplica) {
            row = replica.pool.row
            id = replica.status.id
        }
    }

    func pool(_ name: String) throws(ControlError) -> RunningPool {
        if let pool = pools.first(where: { $0.name == name }) { return pool }
        let known = pools.map(\.name).joined(separator: ", ")
        throw ControlError(
            "there is no pool \"\(name)\"; "
                + (known.isEmpty ? "the configuration has none" : "there is \(known)"))
    }

    /// What is wrong with what was called `name`; nil if it is one replica of each of its pools: a
    /// container may serve several.
    private static func problem(
        _ name: String, _ named: [FoundReplica], _ members: [FoundReplica], _ pool: String?
    ) -> String? {
        guard !named.isEmpty else {
            let known = Set(members.map(\.status.name)).sorted()
            let place = pool.map { " in pool \($0)" } ?? ""
            return "there is no replica \"\(name)\"\(place); "
                + (known.isEmpty ? "there is none at all" : "there is \(known.shortList)")
        }
        let pools = Dictionary(grouping: named) { $0.pool.row }.values
        guard let several = pools.first(where: { $0.count > 1 }) else { return nil }
        let addresses = several.map { "\($0.status.address)" }
        return "\"\(name)\" is \(several.count) replicas of pool \(several[0].pool.name);"
            + " say which: \(addresses.shortList)"
    }

    /// A pool that loses its last ready replica would let its requests wait, and then fail.
    private func checkRemaining(without found: [FoundReplica]) throws(ControlError) {
        var problems: [String] = []
        for (row, drained) in Dictionary(grouping: found, by: { $0.pool.row }).sorted(
            by: { $0.key < $1.key })
        {
            guard let pool = pools.first(where: { $0.row == row }) else { continue }
            let ids = Set(drained.map(\.status.id))
            let ready = pool.director.replicas.filter { $0.state == .ready }
            guard !ready.isEmpty, ready.allSatisfy({ ids.contains($0.id) }) else { continue }
            problems.append(
                "pool \(pool.name) would have no ready replica left, and its requests would wait;"
                    + " nothing was drained (--force does it all the same)")
        }
        if !problems.isEmpty { throw ControlError(problems) }
    }
}

extension ReplicaStatus {
    /// Whether an operator who writes `text` means this replica.
    func isCalled(_ text: String) -> Bool {
        if text == name || text == "\(address)" || text == address.host { return true }
        guard let bare = SocketAddress(numeric: text, port: address.port) else { return false }
        return bare == address
    }
}

extension [String] {
    /// The first twenty, and how many more there are.
    var shortList: String {
        let shown = prefix(20).joined(separator: ", ")
        return count > 20 ? "\(shown) and \(count - 20) more" : shown
    }
}
