/// One rollout: what it does, when. Pure: events in, actions out, time a parameter.
///
/// - The canary never has more than the share of the last step taken, and no step is taken
///   without as many ready replicas as the plan asks for.
/// - An abort, whatever its cause, restores the weights that were before the rollout.
/// - Too few requests are no failure: it waits, and says for what, until the plan's patience ends.
/// - A canary that has lost all its replicas for 30 s has failed; until then the other pools
///   have its traffic, and the time does not count for the step.
struct RolloutState: Sendable {
    static let lostMilliseconds = 30_000
    static let hookPauseMilliseconds = [1_000, 2_000, 5_000, 10_000]
    /// How often a hook is told that a rollout is over.
    static let notificationsMaximum = 6

    private(set) var record: RolloutRecord
    /// What the present step has shown so far; nil outside of steps.
    private(set) var verdict: RolloutVerdict?
    private(set) var canary = PoolCounts()
    private(set) var stable = PoolCounts()
    /// Some of what was counted in the step has a latency; tunnels have none.
    private var isTimed = true
    private var step: Step?
    /// When the stage was entered, or the rollout restored.
    private var stageBegan = 0
    private var callDue: Int?
    /// The hook has allowed the next step.
    private var isAllowed = false
    /// Ready replicas of the canary at the last tick.
    private var ready = 0
    private var actions: [RolloutAction] = []

    /// What is known of the present step beyond the record; begins anew after a restart.
    private struct Step {
        var base: RolloutReading
        /// Of latencies; nil while the step settles.
        var settled: RolloutReading?
        var began: Int
        var lastTick: Int
        /// How long it has lasted while the canary had its replicas.
        var held = 0
        var lostSince: Int?
    }

    /// A new rollout, to be told `begin`; or a saved one, to be told `restore`.
    init(_ record: RolloutRecord) { self.record = record }

    var isActive: Bool { record.stage.isActive }
    /// Figures are wanted, or a hook is to be called again.
    var needsTicks: Bool { isActive || record.pendingHook != nil }

    mutating func handle(_ event: RolloutEvent, at now: RolloutTime) -> [RolloutAction] {
        actions = []
        switch event {
        case .begin: begin(now)
        case .restore: restore(now)
        case .tick(let reading): tick(reading, now)
        case .pause where isActive && !record.isPaused: setPaused(.paused, now)
        case .resume where isActive && record.isPaused: setPaused(.resumed, now)
        case .promote where isActive: promote(now)
        case .abort(let cause) where isActive: abort(cause, now)
        case .supersede(let cause) where isActive: supersede(cause, now)
        case .hookAnswered: hookAnswered(now)
        case .hookFailed(let reason): hookFailed(reason, now)
        case .pause, .resume, .promote, .abort, .supersede: break
        }
        return actions
    }

    private mutating func begin(_ now: RolloutTime) {
        record.started = now.wall
        enter(.waiting, "started", now)
        note("started", now)
        let steps = record.plan.steps.map(String.init).joined(separator: ",")
        log(.info, "started to=\(record.plan.to) steps=\(steps)")
    }

    /// The step is measured anew: the counters began anew, too.
    private mutating func restore(_ now: RolloutTime) {
        stageBegan = now.milliseconds
        guard isActive else {
            if record.pendingHook != nil { callDue = now.milliseconds }
            return
        }
        if let percent = record.percent {
            actions.append(.setWeights(record.weights(percent: percent), cause: "restart"))
        }
        if record.stage == .asking {
            record.pendingHook = nil
            record.stage = .waiting
        }
        note("restored", now, cause: "weir was restarted; the step is measured anew")
        log(.info, "restored at \(shareText) cause=\"restart\"")
    }

    private enum Pausing { case paused, resumed }

    private mutating func setPaused(_ change: Pausing, _ now: RolloutTime) {
        record.isPaused = change == .paused
        let event = record.isPaused ? "paused" : "resumed"
        note(event, now, cause: "operator")
        log(.info, "\(event) at \(shareText) cause=\"operator\"")
    }

    private mutating func tick(_ reading: RolloutReading, _ now: RolloutTime) {
        ready = reading.ready
        callIfDue(now)
        switch record.stage {
        case .waiting: considerStep(reading, now)
        case .asking: checkPatience(now)
        case .running: judge(reading, now)
        case .succeeded, .aborted, .ended: break
        }
    }
}

/// Before a step.
extension RolloutState {
    private var nextPercent: Int? {
        let taken = record.stepsTaken
        return taken < record.plan.steps.count ? record.plan.steps[taken] : nil
    }

    /// What keeps the rollout from going on, in words; nil if nothing does.
    var waitingFor: String? {
        switch record.stage {
        case .waiting where record.isPaused: "paused by the operator"
        case .waiting, .asking: record.cause
        case .running: runningText
        case .succeeded, .aborted, .ended: nil
        }
    }

    private var runningText: String? {
        if step != nil, ready < max(1, record.plan.readyMinimum) { return replicasText }
        if record.isPaused { return "paused by the operator" }
        guard let verdict, verdict.outcome == .moreData else { return nil }
        return "more data: \(verdict.reason)"
    }

    private var replicasText: String {
        "\(ready) of \(max(1, record.plan.readyMinimum)) replicas of \(record.plan.to) are ready"
    }

    private mutating func considerStep(_ reading: RolloutReading, _ now: RolloutTime) {
        guard !record.isPaused, let percent = nextPercent else { return }
        guard reading.ready >= record.plan.readyMinimum else {
            record.cause = replicasText
            return checkPatience(now)
        }
        guard let url = record.plan.hooks.beforeStep, !isAllowed else {
            return takeStep(percent, reading, now)
        }
        enter(.asking, "asking \(url)", now)
        record.pendingHook = .beforeStep
        record.hookAttempts = 0
        callDue = now.milliseconds
        callIfDue(now)
    }

    private mutating func takeStep(
        _ percent: Int, _ reading: RolloutReading, _ now: RolloutTime
    ) {
        isAllowed = false
        record.stepsTaken += 1
        record.percent = percent
        step = Step(base: reading, began: now.milliseconds, lastTick: now.milliseconds)
        canary = PoolCounts()
        stable = PoolCounts()
        verdict = nil
        enter(.running, "step \(record.stepsTaken) of \(record.plan.steps.count)", now)
        actions.append(.setWeights(record.weights(percent: percent), cause: "rollout"))
        note("step", now)
        log(.info, "-> \(shareText) cause=\"\(record.cause)\"")
    }

    /// Judging nothing for too long is not success either.
    private mutating func checkPatience(_ now: RolloutTime) {
        guard let patience = record.plan.patienceMilliseconds, !record.isPaused,
            now.milliseconds - stageBegan >= patience
        else { return }
        abort("patience ended after \(patience / 1000) s: \(waitingFor ?? record.cause)", now)
    }
}

/// In a step.
extension RolloutState {
    private mutating func judge(_ reading: RolloutReading, _ now: RolloutTime) {
        measure(reading, now)
        guard var step else { return }
        step.held +=
            reading.ready >= max(1, record.plan.readyMinimum)
            ? now.milliseconds - step.lastTick : 0
        step.lastTick = now.milliseconds
        step.lostSince = reading.ready > 0 ? nil : step.lostSince ?? now.milliseconds
        self.step = step
        let verdict = judged()
        self.verdict = verdict
        if verdict.outcome == .fail { return abort(verdict.reason, now) }
        if let lost = step.lostSince,
            now.milliseconds - lost >= RolloutState.lostMilliseconds
        {
            let seconds = RolloutState.lostMilliseconds / 1000
            return abort("no replica of \(record.plan.to) was ready for \(seconds) s", now)
        }
        guard verdict.outcome == .pass, ready >= max(1, record.plan.readyMinimum) else {
            return checkPatience(now)
        }
        if !record.isPaused, step.held >= record.plan.everyMilliseconds {
            pass(verdict, reading, now)
        }
    }

    /// Takes the figures since the step began; begins anew where counters did.
    private mutating func measure(_ reading: RolloutReading, _ now: RolloutTime) {
        var present =
            step ?? Step(base: reading, began: now.milliseconds, lastTick: now.milliseconds)
        if present.settled == nil,
            now.milliseconds - present.began >= record.plan.settleMilliseconds
        {
            present.settled = reading
        }
        if let canary = reading.canary.since(present.base.canary),
            let stable = reading.stable.since(present.base.stable)
        {
            self.canary = canary
            self.stable = stable
            isTimed =
                reading.canary.timed > present.base.canary.timed
                || reading.stable.timed > present.base.stable.timed
            let settled = present.settled ?? reading
            self.canary.latencies = reading.canary.latencies(since: settled.canary)
            self.stable.latencies = reading.stable.latencies(since: settled.stable)
        } else {
            present.base = reading
            if present.settled != nil { present.settled = reading }
            canary = PoolCounts()
            stable = PoolCounts()
        }
        step = present
    }

    private func judged() -> RolloutVerdict {
        var plan = record.plan
        // Where only tunnels are counted there is no latency to judge, nor to wait for.
        if !isTimed { plan.latencyRatioMaximum = nil }
        let judge = RolloutJudge(plan: plan)
        return record.percent == 100
            ? judge.verdict(alone: canary, before: record.reference)
            : judge.verdict(canary: canary, stable: stable)
    }

    private mutating func pass(
        _ verdict: RolloutVerdict, _ reading: RolloutReading, _ now: RolloutTime
    ) {
        if stable.requests > 0 { record.reference = stable }
        note("passed", now, cause: verdict.reason)
        log(.info, "passed \(shareText) cause=\"\(verdict.reason)\"")
        if nextPercent == nil { return succeed("all steps passed", now) }
        enter(.waiting, "the next step", now)
        considerStep(reading, now)
    }
}

/// Its end.
extension RolloutState {
    private mutating func promote(_ now: RolloutTime) {
        record.percent = 100
        actions.append(.setWeights(record.weights(percent: 100), cause: "promoted"))
        succeed("promoted by the operator", now)
    }

    private mutating func succeed(_ cause: String, _ now: RolloutTime) {
        enter(.succeeded, cause, now)
        note("succeeded", now)
        log(.info, "succeeded at \(shareText) cause=\"\(cause)\"")
        notify(.afterSuccess, now)
    }

    private mutating func abort(_ cause: String, _ now: RolloutTime) {
        let share = shareText
        enter(.aborted, cause, now)
        actions.append(.setWeights(record.weightsBefore, cause: "rollout aborted"))
        note("aborted", now)
        log(.warning, "aborted at \(share) cause=\"\(cause)\"")
        notify(.afterAbort, now)
    }

    private mutating func supersede(_ cause: String, _ now: RolloutTime) {
        enter(.ended, cause, now)
        note("ended", now)
        log(.warning, "ended at \(shareText) cause=\"\(cause)\"")
    }

    private mutating func notify(_ hook: RolloutHook, _ now: RolloutTime) {
        guard record.plan.hooks.url(of: hook) != nil else { return }
        record.pendingHook = hook
        record.hookAttempts = 0
        callDue = now.milliseconds
        callIfDue(now)
    }
}

/// Hooks.
extension RolloutState {
    private mutating func callIfDue(_ now: RolloutTime) {
        guard let due = callDue, now.milliseconds >= due, let hook = record.pendingHook,
            let url = record.plan.hooks.url(of: hook)
        else { return }
        callDue = nil
        record.hookAttempts += 1
        actions.append(.call(hook, url: url, body: body(of: hook)))
    }

    private func body(of hook: RolloutHook) -> JSONValue {
        let percent = hook == .beforeStep ? nextPercent : record.percent
        return [
            "event": .string(hook.rawValue), "split": .string(record.split),
            "to": .string(record.plan.to), "percent": percent.map(JSONValue.count) ?? .null,
            "cause": .string(record.cause),
        ]
    }

    private mutating func hookAnswered(_ now: RolloutTime) {
        guard let hook = record.pendingHook else { return }
        record.pendingHook = nil
        callDue = nil
        log(.info, "hook \(hook.rawValue) answered")
        guard hook == .beforeStep, record.stage == .asking else { return }
        // What was ready when the hook was called may be so no more.
        enter(.waiting, "the hook allowed the step", now)
        isAllowed = true
    }

    private mutating func hookFailed(_ reason: String, _ now: RolloutTime) {
        guard let hook = record.pendingHook else { return }
        let pauses = RolloutState.hookPauseMilliseconds
        if hook != .beforeStep, record.hookAttempts >= RolloutState.notificationsMaximum {
            record.pendingHook = nil
            log(.error, "hook \(hook.rawValue) given up: \(reason)")
        } else {
            callDue = now.milliseconds + pauses[min(record.hookAttempts, pauses.count) - 1]
            if record.hookAttempts == 1 {
                note("hook", now, cause: "\(hook.rawValue): \(reason)")
                log(.warning, "hook \(hook.rawValue) failed: \(reason)")
            }
        }
        if record.stage == .asking { record.cause = "the hook before the step: \(reason)" }
    }
}

/// What all of it says and saves.
extension RolloutState {
    private var shareText: String {
        record.percent.map { "\($0) %" } ?? "the weights before"
    }

    private mutating func enter(_ stage: RolloutStage, _ cause: String, _ now: RolloutTime) {
        record.stage = stage
        record.cause = cause
        record.since = now.wall
        record.pendingHook = nil
        callDue = nil
        stageBegan = now.milliseconds
        if stage != .running { step = nil }
        actions.append(.save)
    }

    private mutating func note(_ event: String, _ now: RolloutTime, cause: String? = nil) {
        var moment = RolloutMoment()
        moment.time = now.wall
        moment.event = event
        moment.percent = record.percent
        moment.cause = cause ?? record.cause
        if verdict != nil, event != "step" {
            moment.canary = RolloutFigures(canary, quantile: record.plan.latencyQuantile)
            moment.stable = RolloutFigures(compared, quantile: record.plan.latencyQuantile)
        }
        record.add(moment)
        actions.append(.save)
    }

    /// What the canary is judged against.
    var compared: PoolCounts { record.percent == 100 ? record.reference : stable }

    private mutating func log(_ level: LogConfiguration.Level, _ text: String) {
        actions.append(.log(level, "rollout=\(record.split) \(text)"))
    }
}
