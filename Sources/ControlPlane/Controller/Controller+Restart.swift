internal import Balancing
internal import Transport

/// What survives a restart: the weights that operators set, who has which slots and what cookies
/// are signed with, drains and pauses.
extension Controller {
    /// How long a drain of the state file waits for its replica to be found.
    static let drainPatienceMilliseconds = 60_000
    /// How soon a change is saved that nobody waits for.
    static let saveDelayMilliseconds = 500

    /// A drain that the state file has, for a replica that is not known yet.
    struct PendingDrain {
        var drain: SavedState.Drain
        var deadline: Instant

        /// Whether an operator who writes `name` means this replica.
        func isMeant(_ name: String, _ pool: String?) -> Bool {
            guard pool ?? drain.pool == drain.pool else { return false }
            return name == drain.name || name == drain.address
                || drain.address.hasPrefix("\(name):") || drain.address.hasPrefix("[\(name)]:")
        }
    }

    /// Where the state is saved from now on. At a reload the present state is written there.
    func openState(_ path: String?) {
        guard path != saver?.path else { return }
        saver = path.map { StateSaver(path: $0, log: log) }
    }

    /// Writes the state if it is another than before; call it before a change is acknowledged.
    ///
    /// While the state is being restored it is half a state, and the file has the whole one.
    func saveState() {
        if hasStarted { saver?.save(savedState) }
    }

    /// The same within a moment, for changes that nobody asked for.
    func saveStateSoon() {
        guard saver != nil, !isSaveScheduled else { return }
        isSaveScheduled = true
        loop.schedule(afterMilliseconds: Controller.saveDelayMilliseconds) { [weak self] in
            guard let self else { return }
            isSaveScheduled = false
            saveState()
        }
    }

    /// Takes over what was saved; before the first snapshot.
    ///
    /// - Parameter source: where it comes from, for the log.
    func restore(_ state: SavedState, from source: String) {
        restoreKey(state.key)
        for split in state.splits { restore(split, source) }
        restoreRollouts(state)
        for pause in state.pauses { restore(pause, source) }
        let deadline = Instant.now().adding(milliseconds: Controller.drainPatienceMilliseconds)
        for drain in state.drains {
            guard pools.contains(where: { $0.name == drain.pool }) else {
                noteLost("the drain of \(drain.name): there is no pool \(drain.pool)")
                continue
            }
            pendingDrains.append(PendingDrain(drain: drain, deadline: deadline))
        }
        guard !pendingDrains.isEmpty else { return }
        loop.schedule(afterMilliseconds: Controller.drainPatienceMilliseconds + 1) { [weak self] in
            self?.forgetDrains()
        }
    }

    /// Drains the replicas that were drained before the restart, as soon as they are found; before
    /// a snapshot, so that no request reaches them.
    func applyPendingDrains() {
        guard !pendingDrains.isEmpty else { return }
        pendingDrains.removeAll { pending in
            guard let pool = pools.first(where: { $0.name == pending.drain.pool }) else {
                return true
            }
            let replica = pool.director.replicas.last { status in
                status.state != .gone && status.name == pending.drain.name
                    && "\(status.address)" == pending.drain.address
            }
            guard let replica else { return false }
            log.write(
                .info,
                "pool=\(pool.name) replica=\(replica.name) drained cause=\"the state file\"")
            return pool.director.drain(replica.id)
        }
    }

    private func forgetDrains() {
        let now = Instant.now()
        for pending in pendingDrains where pending.deadline <= now {
            noteLost("the drain of \(pending.drain.name): no such replica was found")
        }
        pendingDrains.removeAll { $0.deadline <= now }
        saveState()
    }

    /// What a restart keeps.
    var savedState: SavedState {
        var state = SavedState()
        state.key = signingKey.text
        state.rollouts = rollouts.records.map(\.json)
        state.splits = splits.map(Controller.saved)
        state.drains = pools.flatMap { pool in
            pool.director.replicas.filter { $0.isDrained && $0.state != .gone }.map { status in
                SavedState.Drain(
                    pool: pool.name, name: status.name, address: "\(status.address)")
            }
        }
        state.drains += pendingDrains.map(\.drain).filter { !state.drains.contains($0) }
        state.pauses = pools.compactMap { pool in
            guard case .paused(let milliseconds) = pool.pause else { return nil }
            return SavedState.Pause(pool: pool.name, waitAtMostMilliseconds: milliseconds)
        }
        return state
    }

    private static func saved(_ split: RunningSplit) -> SavedState.Split {
        let isSticky = split.configuration.sticky != .off
        return SavedState.Split(
            name: split.name,
            weights: split.weights.map { SavedState.Weight(pool: $0.pool, weight: $0.weight) },
            fileWeights: split.configuration.weights.map {
                SavedState.Weight(pool: $0.pool, weight: $0.weight)
            },
            slots: isSticky
                ? split.slots.map { SavedState.SlotRun(pool: $0.pool, count: $0.count) } : [])
    }

    private func restoreKey(_ text: String) {
        guard !text.isEmpty else { return }
        guard let key = SigningKey(text: text) else {
            return noteLost("the signing key, which is not 32 hexadecimal digits: it is a new one")
        }
        signingKey = key
    }

    private func restore(_ saved: SavedState.Split, _ source: String) {
        restoreWeights(saved, source)
        guard !saved.slots.isEmpty else { return }
        restoreSlots(saved.slots.map { ($0.pool, $0.count) }, split: saved.name)
    }

    private func restoreWeights(_ saved: SavedState.Split, _ source: String) {
        guard saved.weights != saved.fileWeights else { return }
        guard let split = splits.first(where: { $0.name == saved.name }) else {
            return noteLost("the weights of split \(saved.name): there is no such split")
        }
        guard Controller.saved(split).fileWeights == saved.fileWeights else {
            return noteLost(
                "the weights of split \(saved.name): the configuration has other weights now"
                    + " (\(split.weightsText))")
        }
        do throws(ControlError) {
            try shift(
                split: saved.name, weights: saved.weights.map { ($0.pool, $0.weight) },
                cause: source)
        } catch {
            noteLost("the weights of split \(saved.name): \(error)")
        }
    }

    /// Rollouts whose weights the file has changed meanwhile are over, as at a reload.
    private func restoreRollouts(_ state: SavedState) {
        var records: [RolloutRecord] = []
        for json in state.rollouts {
            do throws(JSONMismatch) {
                let record = try RolloutRecord(json: json)
                if let problem = record.problem {
                    noteLost("the rollout of split \(record.split): \(problem)")
                } else {
                    records.append(record)
                }
            } catch {
                let place = error.path.isEmpty ? "it" : error.path
                noteLost("a rollout: \(place) should be \(error.expected)")
            }
        }
        let changed = splits.filter { split in
            let saved = state.splits.first { $0.name == split.name }
            return saved.map { $0.fileWeights != Controller.saved(split).fileWeights } ?? true
        }
        rollouts.restore(records, changed: Set(changed.map(\.name)))
    }

    private func restore(_ saved: SavedState.Pause, _ source: String) {
        do throws(ControlError) {
            try pause(
                pool: saved.pool, waitMilliseconds: saved.waitAtMostMilliseconds,
                cause: source)
        } catch {
            noteLost("the pause of pool \(saved.pool): \(error)")
        }
    }

    private func noteLost(_ what: String) {
        log.write(.warning, "state: not restored, \(what)")
    }
}
