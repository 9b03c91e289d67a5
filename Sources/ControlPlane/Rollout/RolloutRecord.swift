/// Where a rollout is.
public enum RolloutStage: String, CaseIterable, Sendable {
    /// Before a step: the canary has too few ready replicas, or the rollout is paused.
    case waiting
    /// Before a step: the hook has not allowed it yet.
    case asking
    /// In a step: judged all the time.
    case running
    /// All steps passed, or an operator promoted the canary.
    case succeeded
    /// The weights are as before it, for what the cause says.
    case aborted
    /// Somebody else took the split over: a shift, a reload, or another rollout.
    case ended

    /// It goes on by itself.
    public var isActive: Bool { self == .waiting || self == .asking || self == .running }
}

/// A rollout as it is saved at every transition: all it takes to go on after a restart.
public struct RolloutRecord: Equatable, Sendable {
    public var split = ""
    public var plan = RolloutPlan()
    public var stage = RolloutStage.waiting
    /// An operator's: no further step is taken; a failure still aborts.
    public var isPaused = false
    /// Steps taken so far; the present one is the last of them.
    public var stepsTaken = 0
    /// The canary's share of the split, set by the rollout; nil before the first step.
    public var percent: Int?
    /// Why it is in its stage.
    public var cause = ""
    /// What an abort restores.
    public var weightsBefore: [PoolWeight] = []
    /// RFC 3339, UTC.
    public var started = ""
    /// When it came into its stage.
    public var since = ""
    /// Every transition with the figures that decided it, the oldest first.
    public var timeline: [RolloutMoment] = []
    /// Entries of the timeline that were dropped, the oldest ones.
    public var timelineDropped = 0
    /// The others' figures in the last step that had any: what a step of 100 % is judged against.
    var reference = PoolCounts()
    /// A hook that is still to be called, and how often that was tried.
    var pendingHook: RolloutHook?
    var hookAttempts = 0

    public static let timelineMaximum = 64

    public init() {}

    /// The present step's share and those of the others, as whole weights.
    func weights(percent: Int) -> [PoolWeight] {
        RolloutWeights.weights(weightsBefore, to: plan.to, percent: percent)
    }

    mutating func add(_ moment: RolloutMoment) {
        if timeline.count == RolloutRecord.timelineMaximum {
            timeline.removeFirst()
            timelineDropped += 1
        }
        timeline.append(moment)
    }
}

/// One entry of a timeline.
public struct RolloutMoment: Equatable, Sendable {
    /// RFC 3339, UTC.
    public var time = ""
    /// `started`, `step`, `passed`, `paused`, `resumed`, `succeeded`, `aborted`, `ended`,
    /// `restored` or `hook`.
    public var event = ""
    /// The canary's share then.
    public var percent: Int?
    public var cause = ""
    /// What decided it; nil where nothing was measured.
    public var canary: RolloutFigures?
    public var stable: RolloutFigures?

    public init() {}
}
