import Balancing

/// Taking out replicas that real traffic speaks against, and letting them back.
///
/// What holds whatever the traffic says:
/// - The last replica that is ready is never ejected.
/// - At most the configured part of the pool is ejected at once; one may always be.
/// - Whoever was ejected comes back by itself: once its time is over, as soon as its probes pass.
extension PoolState {
    mutating func judge(_ sample: [ReplicaTally], _ now: Int) {
        guard let rules = rules.ejection else { return }
        // What was still in flight when a replica was ejected says nothing new.
        let judged = sample.filter { tally in
            index(of: tally.id).map { members[$0].ejectedUntil == nil } ?? false
        }
        for (id, evidence) in ejection.take(judged, rules, now: now) {
            guard let index = index(of: id), canEject(index, rules) else { continue }
            eject(index, evidence, rules, now)
        }
    }

    /// Those whose time is over are ready again if their probes pass; else the probes decide.
    mutating func endEjections(_ now: Int) {
        for index in members.indices {
            guard let end = members[index].ejectedUntil, end <= now else { continue }
            members[index].ejectedUntil = nil
            members[index].ejectionEndedAt = now
            promote(index, now)
        }
    }

    /// After a change of the rules: nobody stays ejected who would not be any more.
    mutating func adoptEjectionRules(_ now: Int) {
        for index in members.indices {
            guard let end = members[index].ejectedUntil else { continue }
            let longest = rules.ejection?.timeMillisecondsMaximum ?? 0
            members[index].ejectedUntil = min(end, now + longest)
        }
        endEjections(now)
    }

    private func canEject(_ index: Int, _ rules: EjectionConfiguration) -> Bool {
        let state = members[index].state
        guard state == .ready || state == .suspect, members[index].leftAt == nil else {
            return false
        }
        guard readyCount - (state == .ready ? 1 : 0) >= 1 else { return false }
        let ejected = members.count { $0.ejectedUntil != nil }
        let pool = members.count { $0.hasPassed && $0.leftAt == nil && $0.state != .gone }
        return ejected + 1 <= max(1, pool * rules.poolPercentMaximum / 100)
    }

    private mutating func eject(
        _ index: Int, _ evidence: EjectionEvidence, _ rules: EjectionConfiguration, _ now: Int
    ) {
        let isForgotten = now - members[index].ejectionEndedAt >= rules.timeMillisecondsMaximum
        let before = isForgotten ? 0 : members[index].ejections
        let duration = min(
            rules.timeMilliseconds * (before + 1), rules.timeMillisecondsMaximum)
        members[index].ejections = before + 1
        members[index].lastFailure = nil
        members[index].isFrozen = false
        ejectionCount += 1
        ejection.forget(members[index].id)
        move(index, to: .down, .ejected(evidence, milliseconds: duration), now)
        members[index].ejectedUntil = now + duration
    }
}
