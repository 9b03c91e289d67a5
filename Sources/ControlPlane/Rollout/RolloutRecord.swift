internal import Metrics

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

    /// The first thing in it that no rollout can be in; nil if there is none. Whoever edits the
    /// state file may write what the types allow and `RolloutState` does not expect.
    var problem: String? {
        if let problem = plan.problems(weights: weightsBefore).first { return "plan: \(problem)" }
        let counts = [reference.requests, reference.errors] + reference.latencies.map(Int.init)
        let checks: [(String, Bool)] = [
            ("weights_before", weightsBefore.allSatisfy { RunningSplit.weightRange ~= $0.weight }),
            ("weights_before", Set(weightsBefore.map(\.pool)).count == weightsBefore.count),
            ("steps_taken", 0...plan.steps.count ~= stepsTaken),
            ("percent", percent.map { 1...100 ~= $0 } ?? (stage != .running)),
            ("timeline", timeline.count <= RolloutRecord.timelineMaximum),
            ("timeline_dropped", RolloutRecord.countRange ~= timelineDropped),
            ("hook_attempts", RolloutRecord.countRange ~= hookAttempts),
            ("reference", reference.latencies.count <= Histogram.bucketCount),
            ("reference", counts.allSatisfy { RolloutRecord.countRange ~= $0 }),
        ]
        return checks.first { !$0.1 }.map { "\($0.0) is what no rollout can have" }
    }

    /// What may have been counted: so many that sums of them are numbers still.
    private static let countRange = 0...(1 << 48)

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
