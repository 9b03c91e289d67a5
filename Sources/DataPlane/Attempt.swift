internal import Metrics
internal import Transport

/// One attempt of an exchange: one connection to one replica, for the log.
struct Attempt {
    var replica: Ref<UpstreamReplica>?
    var began = Instant(nanoseconds: 0)
    var connectedAt = Instant(nanoseconds: 0)
    var endedAt = Instant(nanoseconds: 0)
    var isReused = false
    /// nil is a success.
    var failure: FailureReason?
    var status: UInt16 = 0

    /// Attempts beyond these are counted, not described.
    static let describedMaximum = 6
}

/// What an exchange asks of itself all the time. These are members of the handle and not of the
/// slot, since Swift 6.3 copies a large struct for each call of a member that does not mutate it.
extension Ref where Slot == Exchange {
    /// Part of what is in `request` has not been sent by this attempt.
    var hasUnsentRequest: Bool {
        guard let request = its.request else { return false }
        return its.requestSent < request.count - its.hostBytes
    }

    /// A stream that it goes by has to become a tunnel.
    var needsTunnel: Bool { its.wantsUpgrade && !its.isUpgradeOptional }

    var attemptsDescribed: Int { min(its.attemptCount, Attempt.describedMaximum) }

    func beginAttempt(on replica: Ref<UpstreamReplica>, at now: Instant) {
        if its.attemptCount < Attempt.describedMaximum {
            its.attempts[its.attemptCount] = Attempt(
                replica: replica, began: now, connectedAt: now)
            replica.its.mentions += 1
        }
        its.attemptCount += 1
    }

    /// It would have been lost to this, but for weir. The gravest counts.
    func note(_ rescue: RescueClass) {
        if let known = its.rescue, known.rawValue >= rescue.rawValue { return }
        its.rescue = rescue
    }

    // The following note something about the present attempt, if it is one of those described.

    private var isDescribing: Bool {
        its.attemptCount > 0 && its.attemptCount <= Attempt.describedMaximum
    }

    func noteReused() {
        if isDescribing { its.attempts[its.attemptCount - 1].isReused = true }
    }

    func noteConnected(at now: Instant) {
        if isDescribing { its.attempts[its.attemptCount - 1].connectedAt = now }
    }

    func noteStatus(_ status: Int) {
        if isDescribing { its.attempts[its.attemptCount - 1].status = UInt16(status) }
    }

    /// - Parameter failure: nil is a good end.
    func noteAttemptEnd(at now: Instant, _ failure: FailureReason?) {
        guard isDescribing else { return }
        its.attempts[its.attemptCount - 1].endedAt = now
        its.attempts[its.attemptCount - 1].failure = failure
    }
}
