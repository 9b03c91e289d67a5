internal import Balancing
internal import Transport

/// What the pickers that learn are told: how each attempt ended, and how long it took.
extension Worker {
    /// The attempt has ended with a whole response.
    mutating func noteAnswer(_ exchange: Ref<Exchange>, by replica: Ref<UpstreamReplica>) {
        guard replica.its.pool.its.learns, exchange.its.kind == .http else { return }
        let nanoseconds = now.nanoseconds(since: exchange.its.attemptBegan)
        guard exchange.its.status < 500 else {
            return note(.failed(nanoseconds: nanoseconds), replica)
        }
        let firstByte = exchange.its.firstByteAt.nanoseconds(since: exchange.its.attemptBegan)
        note(.answered(firstByteNanoseconds: firstByte, nanoseconds: nanoseconds), replica)
    }

    /// The attempt has ended without, and that was the replica's fault.
    mutating func noteFailure(_ exchange: Ref<Exchange>, of replica: Ref<UpstreamReplica>) {
        guard replica.its.pool.its.learns else { return }
        let nanoseconds = now.nanoseconds(since: exchange.its.attemptBegan)
        note(.failed(nanoseconds: nanoseconds), replica)
    }

    private mutating func note(_ outcome: AttemptOutcome, _ replica: Ref<UpstreamReplica>) {
        // One that is gone has no position any more.
        guard !replica.its.isGone else { return }
        replica.its.pool.its.picker.note(
            outcome, position: replica.its.position, now: now.nanoseconds)
    }
}
