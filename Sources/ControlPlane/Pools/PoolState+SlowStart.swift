/// Replicas that became ready a moment ago get less than their share, and more from step to step:
/// caches are cold and compilers at work, while balancing by load would send them all that is new.
extension PoolState {
    static let rampFirstPercent = 10
    static let rampSteps = 20
    static let rampStepMillisecondsMinimum = 50
    /// Who became ready in this part of the ramp's time after the first is as warm as it.
    static let rampTogetherPart = 10

    /// Since when the replica is ready that has been so for the longest; nil if none is.
    var warmestSince: Int? {
        members.lazy.filter { $0.state == .ready }.map(\.warmSince).min()
    }

    /// How much of its weight a replica has now, in percent.
    ///
    /// It is measured against the replica that has been ready for the longest, so that nobody waits
    /// when all have come at once and none is warm.
    func rampPercent(_ member: PoolMember, warmestSince: Int?, _ now: Int) -> Int {
        guard rules.slowStartMilliseconds > 0, member.state == .ready, let warmestSince else {
            return 100
        }
        let later = member.warmSince - warmestSince
        guard later * PoolState.rampTogetherPart > rules.slowStartMilliseconds else { return 100 }
        let full = min(rules.slowStartMilliseconds, now - warmestSince)
        let age = now - member.warmSince
        guard age < full else { return 100 }
        return max(PoolState.rampFirstPercent, 100 * age / full)
    }

    /// A replica became ready. One that was only doubted for a moment is as warm as before.
    mutating func beginRamp(_ index: Int, from state: ReplicaState, _ now: Int) {
        if state != .suspect { members[index].warmSince = now }
        planRamp(now)
    }

    /// The next step of the weights, when it is due.
    mutating func stepRamp(_ now: Int) {
        guard nextRampAt <= now else { return }
        perform(.publish)
        planRamp(now)
    }

    /// When the next step is due; what workers have is right until then.
    mutating func planRamp(_ now: Int) {
        nextRampAt = .max
        guard let warmest = warmestSince else { return }
        let isRamping = members.contains { rampPercent($0, warmestSince: warmest, now) < 100 }
        guard isRamping else { return }
        let usual = rules.slowStartMilliseconds / PoolState.rampSteps
        // While none has been ready for long, shares change quickly.
        let quick = (now - warmest) / 4
        nextRampAt = now + max(PoolState.rampStepMillisecondsMinimum, min(usual, quick))
    }
}
