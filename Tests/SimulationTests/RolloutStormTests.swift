import Testing

@testable import ControlPlane

/// Seeded storms of events against `RolloutState`, and the promises of its doc comment after each.
@Suite struct RolloutStormTests {
    @Test(
        "The promises of RolloutState hold in every storm",
        arguments: 1...200 as ClosedRange<UInt64>)
    func storm(seed: UInt64) throws {
        var storm = RolloutStorm(seed: seed)
        for step in 0..<400 {
            try storm.step()
            if let broken = storm.broken {
                Issue.record("seed \(seed), step \(step): \(broken)")
                return
            }
        }
    }

    @Test("Storms reach every end, every step and every hook")
    func reach() throws {
        var seen: Set<String> = []
        for seed in 1...200 as ClosedRange<UInt64> {
            var storm = RolloutStorm(seed: seed)
            for _ in 0..<400 { try storm.step() }
            seen.formUnion(storm.seen)
        }
        let all = [
            "waiting", "asking", "running", "succeeded", "aborted", "ended", "restored", "promoted",
            "hook before_step", "hook after_success", "hook after_abort", "judged", "lost",
        ]
        #expect(Set(all).subtracting(seen) == [])
    }
}

/// A rollout, a world that is good or bad to it, and an operator who does anything at any time.
struct RolloutStorm {
    private(set) var state: RolloutState
    private(set) var broken: String?
    private(set) var seen: Set<String> = []
    private var chance: Chance
    private var reading = RolloutReading()
    private var weights: [PoolWeight]
    private let before: [PoolWeight]
    private var now = 0
    private var canaryIsBad = false
    private var hasPromoted = false

    init(seed: UInt64) {
        chance = Chance(seed)
        var plan = RolloutPlan()
        plan.to = "b"
        plan.steps = [[5, 25, 50, 100], [1, 99], [100], [10, 20, 30]][chance.below(4)]
        plan.everyMilliseconds = 1_000
        plan.requestsMinimum = [nil, 0, 50][chance.below(3)]
        plan.readyMinimum = chance.below(3)
        plan.settleMilliseconds = [0, 500][chance.below(2)]
        plan.patienceMilliseconds = [nil, 30_000][chance.below(2)]
        if chance.below(2) == 0 {
            plan.hooks.beforeStep = "http://h/b"
            plan.hooks.afterSuccess = "http://h/s"
            plan.hooks.afterAbort = "http://h/a"
        }
        before = [PoolWeight("a", 3), PoolWeight("b", chance.below(2)), PoolWeight("c", 7)]
        weights = before
        var record = RolloutRecord()
        record.split = "app"
        record.plan = plan
        record.weightsBefore = before
        state = RolloutState(record)
        canaryIsBad = chance.below(4) == 0
        reading.ready = 2
        handle(.begin)
    }

    mutating func step() throws {
        now += chance.below(500)
        switch chance.below(100) {
        case 0: handle(.pause)
        case 1, 2: handle(.resume)
        case 3 where chance.below(20) == 0: handle(.promote)
        case 4 where chance.below(20) == 0: handle(.abort(cause: "operator"))
        case 5 where chance.below(20) == 0: handle(.supersede(cause: "operator"))
        case 6..<12: handle(.hookAnswered)
        case 12..<15: handle(.hookFailed("status 503"))
        case 15..<18: reading.ready = chance.below(4)
        case 18 where chance.below(4) == 0:
            reading.ready = 0
            now += 20_000
        case 19: try restart()
        default: tick()
        }
    }

    private mutating func tick() {
        let served = chance.below(200)
        reading.canary.requests += served
        reading.stable.requests += 200
        if canaryIsBad { reading.canary.errors += served / 2 }
        handle(.tick(reading))
        if state.verdict != nil { seen.insert("judged") }
    }

    /// SIGKILL: only what was saved is left, and counters begin anew.
    private mutating func restart() throws {
        let saved = try RolloutRecord(json: try JSONValue(parsing: state.record.json.text))
        check(saved == state.record, "what was saved is not what is read")
        let (step, percent, stage) = (saved.stepsTaken, saved.percent, saved.stage)
        state = RolloutState(saved)
        reading.canary = PoolCounts()
        reading.stable = PoolCounts()
        handle(.restore)
        check(state.record.stepsTaken == step, "restored at another step")
        check(state.record.percent == percent, "restored at another share")
        check(state.record.stage.isActive == stage.isActive, "restored at another stage")
        if stage.isActive { seen.insert("restored") }
    }

    private mutating func handle(_ event: RolloutEvent) {
        let earlier = state.record
        let actions = state.handle(event, at: RolloutTime(milliseconds: now, wall: "\(now)"))
        for action in actions { act(action, event) }
        seen.insert(state.record.stage.rawValue)
        if event == .promote, earlier.stage.isActive { hasPromoted = true }
        if hasPromoted { seen.insert("promoted") }
        checkStage(from: earlier)
        checkWeights(after: actions, event)
    }

    private mutating func act(_ action: RolloutAction, _ event: RolloutEvent) {
        switch action {
        case .setWeights(let weights, let cause):
            self.weights = weights
            guard cause == "rollout" else { return }
            check(
                reading.ready >= state.record.plan.readyMinimum, "a step without ready replicas")
            check(!state.record.isPaused, "a step while paused")
        case .call(let hook, _, _): seen.insert("hook \(hook.rawValue)")
        case .log(_, let text): if text.contains("was ready for") { seen.insert("lost") }
        case .save: break
        }
    }

    private mutating func checkStage(from earlier: RolloutRecord) {
        let record = state.record
        if !earlier.stage.isActive { check(record.stage == earlier.stage, "an end was left") }
        check(record.stepsTaken - earlier.stepsTaken <= 1, "two steps at once")
        check(record.stepsTaken >= earlier.stepsTaken, "a step back")
        check(record.timeline.count <= RolloutRecord.timelineMaximum, "the timeline is too long")
        if record.stage == .aborted, earlier.stage.isActive {
            check(weights == before, "aborted with weights \(weights)")
        }
    }

    private mutating func checkWeights(after actions: [RolloutAction], _ event: RolloutEvent) {
        let record = state.record
        let share = RolloutWeights.percent(of: "b", weights)
        switch record.stage {
        case .succeeded where hasPromoted: check(share == 100, "promoted to \(share) %")
        case .aborted: break
        default:
            let planned =
                record.stepsTaken == 0
                ? RolloutWeights.percent(of: "b", before)
                : Double(record.plan.steps[record.stepsTaken - 1])
            check(abs(share - planned) < 1e-9, "\(share) % instead of \(planned) %")
        }
        guard share < 100, let first = weights.first, let last = weights.last else { return }
        check(first.weight * 7 == last.weight * 3, "the others' proportions: \(weights)")
    }

    private mutating func check(_ isTrue: Bool, _ message: String) {
        if !isTrue, broken == nil { broken = message }
    }
}
