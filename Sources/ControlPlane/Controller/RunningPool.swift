internal import Balancing
internal import Metrics
internal import Transport

/// One pool of the running configuration: its row, its director, and the rows of its replicas.
final class RunningPool {
    let row: Int
    private(set) var configuration: PoolConfiguration
    let director: PoolDirector
    var pause = Pause.none
    /// Of the snapshot that told the workers of `pause`.
    var pausedGeneration: UInt64 = 0
    private var rows: [ReplicaID: Int] = [:]
    private var answers: [ReplicaID: UInt64] = [:]
    /// How attempts had ended up to the last sample.
    private var tallies: [ReplicaID: ReplicaTally] = [:]
    /// It has nothing ready, and its backup takes its requests.
    var isBackedUp = false
    /// A replica was ready at some time.
    private(set) var hasBeenReady = false
    private var isSettled = false
    private(set) var circuit = CircuitState()
    /// What had come of attempts up to the last look at the circuit.
    private var attempts: [ReplicaID: AttemptCounts] = [:]

    /// Whether an operator lets the pool's requests wait.
    enum Pause: Equatable {
        case none
        /// They wait for at most this long; nil is the time-out of the pool's hold.
        case paused(waitMilliseconds: Int?)
        /// The pause is over; whoever waits since then may wait on for as long as it allowed.
        case resumed(waitMilliseconds: Int)

        var isPaused: Bool { if case .paused = self { true } else { false } }

        /// Instead of the pool's own time-out of holds; nil is that one.
        var holdMilliseconds: Int? {
            switch self {
            case .none: nil
            case .paused(let milliseconds): milliseconds
            case .resumed(let milliseconds): milliseconds
            }
        }
    }

    init(row: Int, configuration: PoolConfiguration, director: PoolDirector) {
        self.row = row
        self.configuration = configuration
        self.director = director
    }

    var name: String { configuration.name }

    /// The replicas with their rows; those without one yet are not for workers.
    var replicas: [(row: Int, status: ReplicaStatus)] {
        director.replicas.compactMap { status in rows[status.id].map { ($0, status) } }
    }

    /// The row of a replica; nil if it has none yet.
    func row(of id: ReplicaID) -> Int? { rows[id] }

    /// The replica that has the row; nil if it is gone, or the row belongs to another pool.
    func replica(atRow row: Int) -> ReplicaID? { rows.first { $0.value == row }?.key }

    func reconfigure(_ configuration: PoolConfiguration, resolver: Resolver) {
        self.configuration = configuration
        director.reconfigure(configuration, resolver: resolver)
    }

    /// Gives rows to replicas that have none, and takes them from those that no longer exist.
    ///
    /// - Parameter generation: of the next snapshot.
    /// - Returns: the names of the replicas for which there was no row.
    func assignRows(from allocator: inout RowAllocator, generation: UInt64) -> [String] {
        let replicas = director.replicas
        let present = Set(replicas.map(\.id))
        if replicas.contains(where: { $0.availability == .ready }) { hasBeenReady = true }
        for (id, row) in rows where !present.contains(id) {
            allocator.retire(row, since: generation)
            rows[id] = nil
            answers[id] = nil
            tallies[id] = nil
        }
        var left: [String] = []
        for replica in replicas where rows[replica.id] == nil {
            if let row = allocator.allocate() {
                rows[replica.id] = row
            } else {
                left.append(replica.name)
            }
        }
        return left
    }

    /// The pool is gone with the next snapshot: ends discovery and probes, and frees all rows.
    func stop(returningRowsTo allocator: inout RowAllocator, generation: UInt64) {
        director.stop()
        for row in rows.values { allocator.retire(row, since: generation) }
        rows = [:]
    }

    /// Tells the director which replicas answered real requests since the last call.
    func noteAnswers(_ count: (_ row: Int) -> UInt64) {
        for (id, row) in rows {
            let total = count(row)
            if total != answers[id, default: 0] {
                answers[id] = total
                director.noteServed(id)
            }
        }
    }

    /// What was counted before this process is nothing new.
    func noteCarried(_ sums: CounterSums) {
        for (id, row) in rows {
            tallies[id] = sums.tally(of: id, row: row)
            answers[id] = UInt64(sums.answers(replica: row) + sums.replica(row, .bytesReceived))
        }
    }

    /// It has a replica that takes new work now.
    var isReady: Bool { director.replicas.contains { $0.availability == .ready } }

    /// Tells the director how real attempts ended since the last call.
    func judge(by sums: CounterSums) {
        var sample: [ReplicaTally] = []
        for (id, row) in rows {
            let total = sums.tally(of: id, row: row)
            let before = tallies[id] ?? ReplicaTally(id: id, good: 0, bad: 0)
            guard total != before else { continue }
            tallies[id] = total
            sample.append(
                ReplicaTally(
                    id: id, good: max(0, total.good - before.good),
                    bad: max(0, total.bad - before.bad)))
        }
        if !sample.isEmpty { director.judge(sample) }
    }

    /// Looks at what came of real attempts since the last call.
    ///
    /// - Returns: why the circuit is in another phase now; nil if it is not.
    func judgeCircuit(by sums: CounterSums, now milliseconds: Int) -> String? {
        guard let rules = configuration.circuit else {
            let before = circuit.phase
            (circuit, attempts) = (CircuitState(), [:])
            return before == .closed ? nil : "it is off"
        }
        var news = AttemptCounts()
        var totals: [ReplicaID: AttemptCounts] = [:]
        for (id, row) in rows {
            let total = sums.attempts(replica: row)
            totals[id] = total
            news.add(total, since: attempts[id] ?? total)
        }
        attempts = totals
        // While nothing is ready requests wait, and what was cut by that says nothing more.
        if !isReady { news = AttemptCounts() }
        return circuit.take(
            good: news.answered, bad: news.unanswered, rules, now: milliseconds)
    }

    /// Whether weir still waits for the first replica to be found.
    enum Patience { case waiting, spent }

    /// What keeps the pool from being judged after the start, or nil, for good, once nothing does:
    /// until then weir says of itself that it is not ready.
    func startupObstacle(_ patience: Patience) -> String? {
        if isSettled || hasBeenReady { return nil }
        let members = director.replicas.filter { $0.state != .gone }
        if members.isEmpty, patience == .waiting { return "pool \(name): no replica was found yet" }
        if let waiting = members.first(where: { $0.lastProbe == nil }) {
            return "pool \(name): replica \(waiting.name) was not probed yet"
        }
        isSettled = true
        return nil
    }
}
