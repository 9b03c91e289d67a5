internal import Balancing
internal import Metrics
internal import Transport

/// Runs rollouts: feeds `RolloutState` with counters and readiness while one is under way, and does
/// what it says. One for all splits; the control loop's thread only.
final class RolloutDirector {
    /// How often a canary is judged.
    static let tickMilliseconds = 250

    private unowned let controller: Controller
    private let onChange: () -> Void
    private var states: [String: RolloutState] = [:]
    private var calls: [String: HTTPPost] = [:]
    private var aborts: [String: Int] = [:]
    private var timer: EventLoop.Scheduled?
    private var isStopped = false

    /// - Parameter onChange: called after any record has changed; saves `records`.
    init(controller: Controller, onChange: @escaping () -> Void) {
        self.controller = controller
        self.onChange = onChange
    }

    /// The last rollout of each split, over or not; for the state file.
    var records: [RolloutRecord] { ordered.map(\.record) }

    /// Takes up what was saved, before the first snapshot: what was under way goes on at the same
    /// step, which is measured anew, unless a reload would have ended it.
    ///
    /// - Parameter changed: the splits of which the file has other weights than before.
    func restore(_ records: [RolloutRecord], changed: Set<String>) {
        for record in records where states[record.split] == nil {
            states[record.split] = RolloutState(record)
        }
        noteReload(changed: changed)
        for name in states.keys { handle(name, .restore) }
        keepTicking()
    }

    /// How many rollouts of a split were aborted, by this process and those before it.
    var abortCounts: [String: Int] { aborts }

    /// Goes on counting from there.
    func takeOver(aborts: [String: Int]) { self.aborts = aborts }

    /// Takes no further step; the program is about to end, and goes on with it when it is back.
    func stop() {
        if let timer { controller.loop.cancel(timer) }
        timer = nil
        isStopped = true
    }

    /// Begins a rollout.
    ///
    /// - Parameter change: the members of a plan that differ from the configuration's.
    /// - Throws: if there is no such split, one runs already, or the plan does not fit.
    func start(split name: String, _ change: JSONValue) throws(ControlError) {
        guard let split = controller.splits.first(where: { $0.name == name }) else {
            throw ControlError(unknownSplit(name))
        }
        if let state = states[name], state.isActive {
            throw ControlError(
                "a rollout of split \(name) to \(state.record.plan.to) is under way;"
                    + " abort or promote it first")
        }
        let configured = controller.configuration.rollouts.first { $0.split == name }?.plan
        var plan = try (configured ?? RolloutPlan()).changed(by: change)
        let weights = split.weights.map { PoolWeight($0.pool, $0.weight) }
        let problems = plan.problems(weights: weights)
        guard problems.isEmpty else { throw ControlError(problems) }
        let share = RolloutWeights.percent(of: plan.to, weights)
        plan.steps.removeAll { Double($0) < share }
        guard !plan.steps.isEmpty else {
            throw ControlError(
                "steps: pool \(plan.to) has \(StatusText.number(share)) % already, no step is above"
            )
        }
        var record = RolloutRecord()
        record.split = name
        record.plan = plan
        record.weightsBefore = weights
        states[name] = RolloutState(record)
        handle(name, .begin)
        tick()
    }

    /// Pauses, resumes, promotes or aborts the rollout of a split.
    ///
    /// - Throws: if none is under way.
    func change(split name: String, _ event: RolloutEvent) throws(ControlError) {
        guard controller.splits.contains(where: { $0.name == name }) else {
            throw ControlError(unknownSplit(name))
        }
        guard let state = states[name], state.isActive else {
            throw ControlError("no rollout of split \(name) is under way")
        }
        handle(name, event)
    }

    /// An operator has set the weights: the rollout is over.
    func noteShift(split name: String) {
        handle(name, .supersede(cause: "operator: the split was shifted"))
    }

    /// The configuration is another one: ends rollouts whose split, pool or weights it took away.
    ///
    /// - Parameter changed: the splits whose weights the reload has set.
    func noteReload(changed: Set<String>) {
        for (name, state) in states {
            if changed.contains(name) {
                handle(name, .supersede(cause: "reload: the file has other weights"))
            } else if let problem = obstacle(to: state.record) {
                handle(name, .supersede(cause: "reload: \(problem)"))
            }
            if !controller.splits.contains(where: { $0.name == name }) {
                states[name] = nil
                calls.removeValue(forKey: name)?.cancel()
            }
        }
    }

    /// All rollouts, in the order of the configuration's splits.
    func reports() -> [RolloutReport] { ordered.map(report) }

    /// Nil if the split never had one.
    func report(split name: String) -> RolloutReport? { states[name].map(report) }

    private var ordered: [RolloutState] {
        controller.splits.compactMap { states[$0.name] }
    }

    private func unknownSplit(_ name: String) -> String {
        let known = controller.splits.map(\.name).joined(separator: ", ")
        return "there is no split \"\(name)\"; "
            + (known.isEmpty ? "the configuration has none" : "there is \(known)")
    }

    private func obstacle(to record: RolloutRecord) -> String? {
        guard let split = controller.splits.first(where: { $0.name == record.split }) else {
            return "the split is gone"
        }
        let pools = Set(split.weights.map(\.pool))
        return pools == Set(record.weightsBefore.map(\.pool)) ? nil : "the split has other pools"
    }
}

/// Events in, actions out.
extension RolloutDirector {
    private func handle(_ name: String, _ event: RolloutEvent) {
        guard var state = states[name] else { return }
        let time = RolloutTime(
            milliseconds: Int(Instant.now().nanoseconds / 1_000_000), wall: WallClock.timestamp())
        let wasActive = state.isActive
        let actions = state.handle(event, at: time)
        states[name] = state
        if wasActive, state.record.stage == .aborted { aborts[name, default: 0] += 1 }
        for action in actions { act(name, action) }
        if actions.contains(.save) { onChange() }
    }

    private func act(_ name: String, _ action: RolloutAction) {
        switch action {
        case .setWeights(let weights, let cause): set(name, weights, cause)
        case .call(let hook, let url, let body): call(name, hook, url, body)
        case .log(let level, let text): controller.log.write(level, text)
        case .save: break
        }
    }

    private func set(_ name: String, _ weights: [PoolWeight], _ cause: String) {
        do throws(ControlError) {
            try controller.shift(
                split: name, weights: weights.map { ($0.pool, $0.weight) }, cause: cause)
        } catch {
            controller.log.write(.error, "rollout=\(name) cannot set weights: \(error)")
        }
    }

    private func call(_ name: String, _ hook: RolloutHook, _ url: String, _ body: JSONValue) {
        calls[name]?.cancel()
        guard let target = HTTPURL(url), let resolver = controller.resolver else {
            return handle(name, .hookFailed("\(url) is not \(HTTPURL.accepted)"))
        }
        let call = HTTPPost(
            loop: controller.loop, url: target, body: Array(body.text.utf8)
        ) { [weak self] in
            self?.calls[name] = nil
            self?.handle(name, $0.problem.map { .hookFailed($0) } ?? .hookAnswered)
        }
        calls[name] = call
        call.begin(target, resolver: resolver)
    }

    private func tick() {
        for (name, state) in states where state.needsTicks {
            handle(name, .tick(reading(of: state.record)))
        }
        keepTicking()
    }

    private func keepTicking() {
        if let timer { controller.loop.cancel(timer) }
        timer = nil
        guard !isStopped, states.values.contains(where: \.needsTicks) else { return }
        timer = controller.loop.schedule(afterMilliseconds: RolloutDirector.tickMilliseconds) {
            [weak self] in
            self?.timer = nil
            self?.tick()
        }
    }
}

/// Figures.
extension RolloutDirector {
    private func reading(of record: RolloutRecord) -> RolloutReading {
        var reading = RolloutReading()
        for part in record.weightsBefore {
            guard let pool = controller.pools.first(where: { $0.name == part.pool }) else {
                continue
            }
            if part.pool == record.plan.to {
                reading.canary = counts(pool)
                reading.ready = pool.director.replicas.count { $0.availability == .ready }
            } else {
                reading.stable = reading.stable + counts(pool)
            }
        }
        return reading
    }

    private func counts(_ pool: RunningPool) -> PoolCounts {
        let classes = controller.sums.classes(pool: pool.row)
        return PoolCounts(
            requests: classes.total,
            // A 5xx answer that broke off is in both.
            errors: min(
                classes.total, classes.status5xx + controller.sums.pool(pool.row, .cut)),
            latencies: controller.sums.histogram(pool: pool.row))
    }

    private func report(_ state: RolloutState) -> RolloutReport {
        var report = RolloutReport()
        let record = state.record
        report.record = record
        let weights = controller.splits.first { $0.name == record.split }?.weights ?? []
        let share = RolloutWeights.percent(
            of: record.plan.to, weights.map { PoolWeight($0.pool, $0.weight) })
        report.sharePercent = (share * 100).rounded() / 100
        report.waitingFor = state.waitingFor
        report.aborts = aborts[record.split] ?? 0
        guard let verdict = state.verdict else { return report }
        report.verdict = verdict.outcome.rawValue
        report.reason = verdict.reason
        report.requestsNeeded = verdict.requestsNeeded
        let quantile = record.plan.latencyQuantile
        report.canary = RolloutFigures(state.canary, quantile: quantile)
        report.stable = RolloutFigures(state.compared, quantile: quantile)
        return report
    }
}
