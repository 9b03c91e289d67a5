import Balancing

/// Who is a replica: what sources and DNS answers mean.
extension PoolState {
    mutating func configure(_ definitions: [PoolSource], _ rules: PoolRules, _ now: Int) {
        self.rules = rules
        let kept = Dictionary(uniqueKeysWithValues: sources.map { ($0.definition.id, $0) })
        let left = Set(kept.keys).subtracting(definitions.map(\.id))
        sources = definitions.map { definition in
            var source = kept[definition.id] ?? Source(definition: definition, nextQueryAt: now)
            source.definition = definition
            if definition.origin != .polled { source.nextQueryAt = .max }
            return source
        }
        for id in left { unlist(from: id, keeping: [], .leftConfiguration, now) }
        for index in sources.indices { begin(index, now) }
        for index in members.indices where members[index].state != .gone {
            adopt(index, now)
        }
        adoptEjectionRules(now)
        planRamp(now)
        perform(.publish)
    }

    mutating func forgetQuestions(_ now: Int) {
        for index in sources.indices { sources[index].isAsking = false }
        for index in members.indices where members[index].isAskingNames {
            members[index].isAskingNames = false
            members[index].namesAskedAt = .min / 2
            if members[index].naming != .settled { askNames(index, now) }
        }
        querySoon(now)
    }

    mutating func list(_ id: PoolSource.ID, _ listing: PoolListing, _ now: Int) {
        guard let source = answered(id, now) else { return }
        let believed = believed(listing, source)
        guard !believed.isEmpty else {
            if !listing.entries.isEmpty {
                perform(.queryCanary(id))
                askAbout(id, now)
            }
            return
        }
        sources[source].negatives = 0
        for entry in believed { add(entry, source, listing, now) }
        guard listing.isComplete else { return }
        unlist(from: id, keeping: Set(believed.map(\.address)), .leftDNS, now)
    }

    /// No replica is doubted for being unheard of: probes and the canary decide.
    mutating func noteNegative(_ id: PoolSource.ID, _ reason: String, _ now: Int) {
        guard answered(id, now) != nil else { return }
        perform(.queryCanary(id))
        askAbout(id, now)
    }

    mutating func noteCanary(_ id: PoolSource.ID, _ canary: Canary, _ now: Int) {
        guard let source = sources.firstIndex(where: { $0.definition.id == id }) else { return }
        sources[source].negatives = canary == .answered ? sources[source].negatives + 1 : 0
        for index in members.indices { endIfUnheardOf(index, now) }
    }

    /// DNS says again and again that there is no such replica, and the probes say so too.
    mutating func endIfUnheardOf(_ index: Int, _ now: Int) {
        let member = members[index]
        guard member.failures > 0, !member.sources.isEmpty else { return }
        guard member.state == .down || member.state == .probing else { return }
        let isUnheardOf = sources.allSatisfy { source in
            !member.sources.contains(source.definition.id)
                || source.negatives >= PoolRules.negativesMinimum
        }
        if isUnheardOf { end(index, .nameHasNoReplicas, now) }
    }

    /// Asks DNS as soon as that is decent: traffic says that something has changed.
    mutating func querySoon(_ now: Int) {
        for index in sources.indices where sources[index].definition.origin == .polled {
            let soon = max(now, sources[index].lastQueryAt + PoolRules.gapMilliseconds)
            sources[index].nextQueryAt = min(sources[index].nextQueryAt, soon)
            if soon == now, !sources[index].isAsking { query(index, now) }
        }
    }

    mutating func query(_ index: Int, _ now: Int) {
        questions += 1
        sources[index].isAsking = true
        sources[index].lastQuestion = questions
        sources[index].lastQueryAt = now
        sources[index].nextQueryAt = now + jittered(rules.queryIntervalMilliseconds)
        perform(.query(sources[index].definition.id))
    }

    mutating func drain(
        _ index: Int, _ tunnelMilliseconds: Int?, _ cause: ReplicaCause, _ now: Int
    ) {
        let isNew = !members[index].isDrained
        if isNew { members[index].drainCause = cause }
        members[index].isDrained = true
        if isNew || tunnelMilliseconds != nil {
            members[index].tunnelsEndAt = PoolState.end(
                of: tunnelMilliseconds ?? rules.tunnelMilliseconds, now)
            perform(.publish)
        }
        if members[index].state == .ready || members[index].state == .suspect {
            move(index, to: .draining, cause, now)
        }
    }

    mutating func undrain(_ index: Int, _ now: Int) {
        members[index].isDrained = false
        guard members[index].leftAt == nil, members[index].leaving == nil else { return }
        if members[index].tunnelsEndAt != .max { perform(.publish) }
        members[index].tunnelsEndAt = .max
        guard members[index].state == .draining else { return }
        let isWell = members[index].failures == 0 && members[index].naming == .settled
        move(index, to: isWell ? .ready : .suspect, .undrainedByOperator, now)
        probeSoon(index, now)
    }

    private mutating func begin(_ index: Int, _ now: Int) {
        switch sources[index].definition.origin {
        case .polled:
            if !sources[index].isAsking, sources[index].nextQueryAt <= now { query(index, now) }
        case .fixed(let address, let weight):
            let entry = PoolListing.Entry(address: address, weight: weight)
            add(entry, index, PoolListing(entries: [entry], isLocal: true), now)
        }
    }

    /// After a change of the rules: a pool may have become probed, or not to be any more.
    private mutating func adopt(_ index: Int, _ now: Int) {
        if rules.isProbed {
            if members[index].probeStartedAt == nil { probeSoon(index, now) }
        } else {
            members[index].nextProbeAt = .max
            promote(index, now)
        }
    }

    private mutating func answered(_ id: PoolSource.ID, _ now: Int) -> Int? {
        guard let index = sources.firstIndex(where: { $0.definition.id == id }) else { return nil }
        sources[index].isAsking = false
        return index
    }

    /// The entries in networks that are accepted. Strange ones are told once per change.
    private mutating func believed(_ listing: PoolListing, _ source: Int) -> [PoolListing.Entry] {
        guard let accepted = listing.accepted else { return listing.entries }
        let believed = listing.entries.filter { entry in
            accepted.contains { $0.contains(high: entry.address.high, low: entry.address.low) }
        }
        let refused = Set(listing.entries.map(\.address)).subtracting(believed.map(\.address))
        if refused != sources[source].refused, !refused.isEmpty {
            perform(
                .notice(
                    "DNS answered with \(refused.count) addresses outside the attached networks; "
                        + "they are not used (addresses: any accepts them)"))
        }
        sources[source].refused = refused
        return believed
    }

    private mutating func add(
        _ entry: PoolListing.Entry, _ source: Int, _ listing: PoolListing, _ now: Int
    ) {
        let id = sources[source].definition.id
        if let known = addresses[entry.address].flatMap(index(of:)) {
            refresh(known, entry, id, now)
            confirmNames(known, question: sources[source].lastQuestion, now)
        } else if let index = insert(entry, id, now) {
            move(index, to: .probing, .discovered, now)
            members[index].hasNames = sources[source].definition.asksNames && !listing.isLocal
            askNames(index, now)
            probeSoon(index, now)
            promote(index, now)
        }
    }

    private mutating func refresh(
        _ index: Int, _ entry: PoolListing.Entry, _ source: PoolSource.ID, _ now: Int
    ) {
        members[index].sources.insert(source)
        if members[index].weight != entry.weight, members[index].sources.count == 1 {
            members[index].weight = entry.weight
            perform(.publish)
        }
        guard members[index].leftAt != nil else { return }
        members[index].leftAt = nil
        // Docker takes a container out of DNS when it stops: this one was started since.
        members[index].isDrained = false
        members[index].discoveredAt = now
        doubt(index)
        move(index, to: .probing, .returnedToDNS, now)
        askNames(index, now)
        probeSoon(index, now)
        promote(index, now)
    }

    /// The replica may be another container now: it has to pass again.
    private mutating func doubt(_ index: Int) {
        members[index].hasPassed = false
        members[index].passes = 0
        members[index].failures = 0
        members[index].lastFailure = nil
        members[index].isProbeStale = members[index].probeStartedAt != nil
    }

    private mutating func unlist(
        from source: PoolSource.ID, keeping kept: Set<ReplicaAddress>, _ cause: ReplicaCause,
        _ now: Int
    ) {
        for index in members.indices where !kept.contains(members[index].address) {
            guard members[index].sources.remove(source) != nil else { continue }
            if members[index].sources.isEmpty { leave(index, cause, now) }
        }
    }

    /// The replica is no member any more. In plain Docker it is dead by now, in Swarm it is about
    /// to be stopped: one probe tells.
    private mutating func leave(_ index: Int, _ cause: ReplicaCause, _ now: Int) {
        guard members[index].hasPassed || !rules.isProbed else { return end(index, cause, now) }
        members[index].leftAt = now
        move(index, to: .draining, cause, now)
        if case .leftDNS = cause { askNames(index, now) }
        probeSoon(index, now)
    }

    private mutating func askAbout(_ source: PoolSource.ID, _ now: Int) {
        for index in members.indices where members[index].sources.contains(source) {
            probeSoon(index, now)
            refreshNames(index, olderThan: rules.queryIntervalMilliseconds / 2, now)
        }
    }
}
