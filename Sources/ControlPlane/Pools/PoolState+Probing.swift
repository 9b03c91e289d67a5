import Balancing

/// How far a replica is trusted: what probes and traffic mean.
extension PoolState {
    mutating func notePass(of index: Int, _ now: Int) {
        guard endProbe(index, now) else { return }
        members[index].passes += 1
        members[index].failures = 0
        members[index].quickProbesLeft = 0
        if members[index].state != .down { members[index].lastFailure = nil }
        // A replica that comes back may be another container at the same address.
        let isBack = members[index].state == .down || members[index].leaving == .stopping
        if isBack, members[index].passes == 1 { askNames(index, now) }
        promote(index, now)
        plan(index, now)
    }

    mutating func noteFailure(_ failure: ProbeFailure, of index: Int, _ now: Int) {
        let startedAt = members[index].probeStartedAt ?? now
        guard endProbe(index, now) else { return }
        if isExcused(failure, index, since: startedAt) { return plan(index, now) }
        if members[index].lastFailure != failure, readyCount == 0 { perform(.publish) }
        members[index].passes = 0
        members[index].failures += 1
        if members[index].failures == 1 { members[index].quickProbesLeft = PoolRules.quickProbes }
        members[index].lastFailure = failure
        demote(index, failure, now)
        endIfUnheardOf(index, now)
        plan(index, now)
    }

    mutating func observe(_ kind: Observation.Kind, _ id: ReplicaID?, _ now: Int) {
        switch kind {
        case .held, .connectRefused, .connectFailed, .handshakeFailed: querySoon(now)
        case .idleClosed, .closedBeforeResponse, .firstByteTimeout: break
        }
        guard rules.isProbed, let index = id.flatMap(index(of:)) else { return }
        guard members[index].state != .gone else { return }
        switch kind {
        case .connectRefused: noteRefusal(index, now)
        case .connectFailed: suspect(index, .unreachable("no connection"), .connectFailed, now)
        case .closedBeforeResponse: suspect(index, .closed, .closedBeforeResponse, now)
        case .idleClosed: members[index].idleClosedAt = now
        case .firstByteTimeout, .handshakeFailed: break
        case .held: return
        }
        probeSoon(index, now)
    }

    /// TLS with it came to nothing, for that reason.
    mutating func noteHandshakeFailure(_ id: ReplicaID, _ reason: String, _ now: Int) {
        querySoon(now)
        guard rules.isProbed, let index = index(of: id), members[index].state != .gone else {
            return
        }
        suspect(index, .tls(reason), .handshakeFailed(reason), now)
        probeSoon(index, now)
    }

    /// Makes the replica ready if everything that has to be known speaks for it.
    mutating func promote(_ index: Int, _ now: Int) {
        let member = members[index]
        guard member.naming == .settled, member.ejectedUntil == nil else { return }
        let needed: Int
        switch member.state {
        case .new, .probing, .suspect: needed = 1
        case .down: needed = rules.rise
        case .draining where member.leaving != nil && member.leftAt == nil:
            needed = member.leaving == .asked ? 1 : rules.rise
        case .ready, .draining, .gone: return
        }
        guard member.passes >= needed || !rules.isProbed else { return }
        members[index].hasPassed = true
        members[index].failures = 0
        members[index].lastFailure = nil
        let cause: ReplicaCause = rules.isProbed ? .probePassed : .notProbed
        if member.isDrained {
            members[index].leaving = nil
            members[index].cause = member.drainCause
            move(index, to: .draining, member.drainCause, now)
        } else {
            move(index, to: .ready, cause, now)
        }
    }

    /// Probes now, or as soon after the last probe as is decent.
    mutating func probeSoon(_ index: Int, _ now: Int) {
        guard rules.isProbed, members[index].state != .gone else { return }
        guard members[index].probeStartedAt == nil else {
            members[index].probesAgain = true
            return
        }
        let soon = max(now, members[index].probeEndedAt + PoolRules.gapMilliseconds)
        members[index].nextProbeAt = min(members[index].nextProbeAt, soon)
        if soon == now { startProbe(index, now) }
    }

    mutating func startProbe(_ index: Int, _ now: Int) {
        members[index].probeStartedAt = now
        members[index].probesAgain = false
        members[index].nextProbeAt = .max
        refreshNames(index, olderThan: PoolRules.nameValidMilliseconds, now)
        let patience =
            members[index].hasPassed ? 300 : min(300, 100 * (members[index].failures + 1))
        perform(.probe(members[index].id, patienceMilliseconds: patience))
    }

    private mutating func endProbe(_ index: Int, _ now: Int) -> Bool {
        guard members[index].probeStartedAt != nil else { return false }
        members[index].probeStartedAt = nil
        members[index].probeEndedAt = now
        guard members[index].isProbeStale else { return rules.isProbed }
        members[index].isProbeStale = false
        probeSoon(index, now)
        return false
    }

    /// A probe got stuck where real requests do not: the replica is slow, not dead. News of an
    /// answer from before the probe is no excuse: the replica may have been frozen since.
    private func isExcused(_ failure: ProbeFailure, _ index: Int, since start: Int) -> Bool {
        guard members[index].state == .ready || members[index].state == .suspect else {
            return false
        }
        switch failure {
        case .timeout, .unreachable:
            return members[index].servedAt >= start + PoolRules.servedNewsMilliseconds
        case .refused, .closed, .status, .drain, .body, .malformed, .health, .tls: return false
        }
    }

    private mutating func demote(_ index: Int, _ failure: ProbeFailure, _ now: Int) {
        let member = members[index]
        if member.leftAt != nil {
            if isDead(failure) { end(index, .leftDNS, now) }
            return
        }
        if letLeave(index, failure, now) { return }
        switch member.state {
        case .ready, .suspect, .draining:
            let isProven = failure == .refused || member.failures >= rules.fall
            if isProven {
                goDown(index, .probeFailed(failure), now)
            } else if member.state == .ready {
                move(index, to: .suspect, .probeFailed(failure), now)
            }
        case .down where member.ejectedUntil != nil && member.failures == rules.fall:
            members[index].isFrozen = readyCount > 0
            perform(.publish)
        case .new, .probing, .down, .gone: break
        }
    }

    /// Nothing will come from there any more. Refusing is not being dead: an application that was
    /// told to stop refuses first, and finishes its work.
    private func isDead(_ failure: ProbeFailure) -> Bool {
        switch failure {
        case .unreachable, .timeout: true
        case .refused, .closed, .status, .drain, .body, .malformed, .health, .tls: false
        }
    }

    /// A replica that says itself that it wants no new work drains, and is not down: true if that
    /// is what the failure says.
    private mutating func letLeave(
        _ index: Int, _ failure: ProbeFailure, _ now: Int
    ) -> Bool {
        let member = members[index]
        let leaving: PoolMember.Leaving
        switch failure {
        case .drain: leaving = .asked
        case .refused where now - member.idleClosedAt <= PoolRules.stoppingMilliseconds:
            leaving = .stopping
        // Whoever refuses for so long has ended, or was killed.
        case .refused where member.leaving != nil:
            return now - member.since < PoolRules.stopGraceMilliseconds
        default: return false
        }
        switch member.state {
        case .ready, .suspect:
            move(index, to: .draining, leaving == .asked ? .drainAsked : .stopping, now)
            members[index].leaving = leaving
            return true
        case .draining:
            if member.leaving == nil, leaving == .asked { members[index].leaving = .asked }
            return members[index].leaving != nil
        case .new, .probing, .down, .gone: return false
        }
    }

    private mutating func goDown(_ index: Int, _ cause: ReplicaCause, _ now: Int) {
        move(index, to: .down, cause, now)
        members[index].isFrozen = readyCount > 0
    }

    private mutating func noteRefusal(_ index: Int, _ now: Int) {
        if members[index].lastFailure != .refused { perform(.publish) }
        members[index].passes = 0
        members[index].failures = max(1, members[index].failures)
        members[index].lastFailure = .refused
        members[index].quickProbesLeft = PoolRules.quickProbes
        guard members[index].leftAt == nil else { return }
        switch members[index].state {
        case .ready, .suspect, .draining:
            if !letLeave(index, .refused, now) { goDown(index, .connectRefused, now) }
        case .new, .probing, .down, .gone: break
        }
    }

    private mutating func suspect(
        _ index: Int, _ failure: ProbeFailure, _ cause: ReplicaCause, _ now: Int
    ) {
        guard members[index].state == .ready else { return }
        members[index].passes = 0
        members[index].lastFailure = failure
        members[index].quickProbesLeft = PoolRules.quickProbes
        if failure != .closed { members[index].failures = max(1, members[index].failures) }
        move(index, to: .suspect, cause, now)
    }

    private mutating func plan(_ index: Int, _ now: Int) {
        guard members[index].state != .gone, members[index].probeStartedAt == nil else { return }
        members[index].nextProbeAt = now + interval(index, now)
        if members[index].probesAgain { probeSoon(index, now) }
    }

    private mutating func interval(_ index: Int, _ now: Int) -> Int {
        let member = members[index]
        let usual = rules.probeIntervalMilliseconds
        if member.state == .probing || member.state == .new {
            let isYoung = now - member.since < PoolRules.firstProbesDurationMilliseconds
            return isYoung ? min(usual, PoolRules.firstProbesIntervalMilliseconds) : jittered(usual)
        }
        let isOut = member.state == .down || member.leaving == .stopping
        let isRising = isOut && member.passes > 0 && member.ejectedUntil == nil
        guard isRising || member.quickProbesLeft > 0 else { return jittered(usual) }
        if !isRising { members[index].quickProbesLeft -= 1 }
        return min(usual, PoolRules.quickProbeIntervalMilliseconds)
    }
}
