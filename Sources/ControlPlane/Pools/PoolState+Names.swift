/// Whose address it is: what the names behind an address (PTR) mean.
///
/// Docker gives the address of a stopped container to the next one that starts, of whatever
/// service. So a name that is not known to be of this service counts only once an answer of DNS to
/// a *later* question lists the address, and the name is still the same after that.
extension PoolState {
    mutating func noteNames(_ names: [String], of index: Int, _ now: Int) {
        members[index].isAskingNames = false
        let known = members[index].names
        guard !names.isEmpty else { return settleNameless(index, now) }
        let sorted = names.sorted()
        if !known.isEmpty, Set(known).isDisjoint(with: sorted) {
            return replace(index, by: sorted, now)
        }
        if known != sorted { perform(.publish) }
        members[index].names = sorted
        switch members[index].naming {
        case _ where known.isEmpty: judge(sorted, of: index, now)
        case .settled, .vouched: settle(index, now)
        case .asking: judge(sorted, of: index, now)
        case .unconfirmed: break
        }
    }

    /// The answer to this question lists the replica.
    mutating func confirmNames(_ index: Int, question: Int, _ now: Int) {
        guard case .unconfirmed(let last) = members[index].naming, question > last else { return }
        members[index].naming = .vouched
        lookUp(index, now)
    }

    /// Asks, and does not trust the replica before the answer is there.
    mutating func askNames(_ index: Int, _ now: Int) {
        guard members[index].hasNames else { return }
        if members[index].naming == .settled { members[index].naming = .asking }
        lookUp(index, now)
    }

    /// Asks again, so that a change is noticed, and trusts the replica meanwhile.
    mutating func refreshNames(_ index: Int, olderThan milliseconds: Int, _ now: Int) {
        guard members[index].hasNames else { return }
        guard now - members[index].namesAskedAt >= milliseconds else { return }
        lookUp(index, now)
    }

    private mutating func lookUp(_ index: Int, _ now: Int) {
        guard !members[index].isAskingNames else { return }
        members[index].isAskingNames = true
        members[index].namesAskedAt = now
        perform(.lookUpNames(members[index].id))
    }

    /// The first names of a replica.
    private mutating func judge(_ names: [String], of index: Int, _ now: Int) {
        let service = service(of: index)
        if names.contains(where: { serviceNames.recognises($0, service: service) }) {
            settle(index, now)
        } else if members[index].naming == .settled, !serviceNames.isEmpty {
            replace(index, by: names, now)
        } else {
            wait(index, now)
        }
    }

    private mutating func wait(_ index: Int, _ now: Int) {
        members[index].naming = .unconfirmed(since: questions)
        querySoon(now)
    }

    private mutating func settle(_ index: Int, _ now: Int) {
        for name in members[index].names { serviceNames.learn(name) }
        members[index].naming = .settled
        promote(index, now)
    }

    /// The name cannot be known, now at least. That is nothing against a replica, unless others of
    /// the pool have names: then the container may have just gone, and DNS must vouch.
    private mutating func settleNameless(_ index: Int, _ now: Int) {
        switch members[index].naming {
        case .settled, .unconfirmed: return
        case .vouched: members[index].names = []
        case .asking where serviceNames.isEmpty: break
        case .asking: return wait(index, now)
        }
        members[index].naming = .settled
        promote(index, now)
    }

    /// Another container has the address now. The old one is gone, and if the source still lists
    /// the address, the new one is a replica to be probed.
    private mutating func replace(_ index: Int, by names: [String], _ now: Int) {
        let old = members[index]
        end(index, .addressReused(by: ServiceNames.container(of: names[0])), now)
        let entry = PoolListing.Entry(address: old.address, weight: old.weight)
        guard let source = old.sources.first, let new = insert(entry, source, now) else { return }
        members[new].sources = old.sources
        members[new].hasNames = true
        move(new, to: .probing, .discovered, now)
        members[new].naming = .asking
        members[new].namesAskedAt = now
        noteNames(names, of: new, now)
        probeSoon(new, now)
    }

    private func service(of index: Int) -> String {
        let source = sources.first { members[index].sources.contains($0.definition.id) }
        return source?.definition.service ?? ""
    }
}
