public import Balancing
public import Metrics
public import Transport

/// What joins the control plane with the workers: the program makes it and gives each side its end.
public struct WorkerLinks {
    /// What each worker counts, by worker.
    public var counters: [WorkerCounters]
    /// What is in flight on each replica.
    public var board: LoadBoard
    /// What each worker observed, by worker; workers signal `wakeup` after they pushed.
    public var observations: [BoundedQueue<Observation>]
    /// Signalled by any thread that wants the control loop to look: at observations, or because a
    /// worker has ended.
    public var wakeup: Wakeup
    /// The spans of each worker, by worker, as text of OTLP; empty: there are no traces. Workers
    /// signal `wakeup` when they put some where there were none.
    public var spans: [ByteRing] = []
    /// The limit of open files; 0: not known.
    public var descriptorsMaximum = 0
    /// Hands one snapshot to all workers; each of them gets a deep copy of its own.
    public var publish: (Snapshot) -> Void
    /// How many workers have ended; asked while shutting down.
    public var endedWorkers: () -> Int

    /// - Parameters: what both sides share; `publish` and `endedWorkers` are set afterwards.
    public init(
        counters: [WorkerCounters], board: LoadBoard,
        observations: [BoundedQueue<Observation>], wakeup: Wakeup
    ) {
        self.counters = counters
        self.board = board
        self.observations = observations
        self.wakeup = wakeup
        publish = { _ in }
        endedWorkers = { 0 }
    }

    /// How many threads move bytes.
    public var workers: Int { counters.count }

    /// The oldest generation that any worker works by; zero until all have adopted one.
    var adoptedGeneration: UInt64 {
        let column = WorkerColumn.generation.rawValue
        return counters.map { $0.worker.value(row: 0, column: column) }.min() ?? 0
    }
}
