/// A moment, for `RolloutState`, which has no clock.
struct RolloutTime: Equatable, Sendable {
    /// Monotonic.
    var milliseconds: Int
    /// RFC 3339, UTC; for the timeline.
    var wall: String
}

/// What the counters and probes say at one moment.
struct RolloutReading: Equatable, Sendable {
    /// Counted since weir started, or since the pool appeared.
    var canary = PoolCounts()
    /// The other pools of the split together.
    var stable = PoolCounts()
    /// Ready replicas of the canary.
    var ready = 0
}

/// What happens to a rollout.
enum RolloutEvent: Equatable, Sendable {
    case begin
    /// It was running when the program ended; its weights may have to be set again.
    case restore
    /// Several times a second as long as `RolloutState.needsTicks`.
    case tick(RolloutReading)
    case pause, resume
    /// All the traffic to the canary, at once.
    case promote
    case abort(cause: String)
    /// Somebody else has set the weights, or the split is gone.
    case supersede(cause: String)
    /// The hook that was called last answered with 2xx.
    case hookAnswered
    case hookFailed(String)
}

/// What is to be done about it.
enum RolloutAction: Equatable, Sendable {
    case setWeights([PoolWeight], cause: String)
    case call(RolloutHook, url: String, body: JSONValue)
    case log(LogConfiguration.Level, String)
    /// The record has changed.
    case save
}
