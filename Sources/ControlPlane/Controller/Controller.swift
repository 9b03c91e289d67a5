public import Balancing
public import Transport

/// The middle of the control plane: what the configuration, discovery, probes and operators say
/// becomes snapshots for the workers.
///
/// Used by the control loop's thread only. Changes only mark a snapshot as due; `publishIfDue`, at
/// the end of each turn of the loop, makes one snapshot of however many changes the turn brought.
public final class Controller {
    /// What runs now.
    public private(set) var configuration: Configuration

    private let loop: EventLoop
    private let workers: WorkerLinks
    private let log: StateLog

    public init(
        loop: EventLoop, configuration: Configuration, workers: WorkerLinks, log: StateLog
    ) {
        self.loop = loop
        self.configuration = configuration
        self.workers = workers
        self.log = log
    }

    /// Opens all listening sockets and publishes the first snapshot, then begins discovery. Traffic
    /// is accepted from here on, and held until the first replica is ready.
    ///
    /// - Throws: if a listener cannot be opened; names it and its address. The program ends.
    public func start() throws(ControlError) {}

    /// Takes what a worker observed.
    public func observe(_ observation: Observation) {}

    /// Makes `configuration` the one that runs, whole or not at all. Listeners, pools and splits
    /// that are in both keep their sockets, replicas, health, counters and run-time weights.
    ///
    /// - Throws: if a new listener cannot be opened; nothing has changed then.
    public func reload(_ configuration: Configuration) throws(ControlError) {}

    /// Changes weights of a split, from the next request on. Pools not named keep theirs.
    ///
    /// - Throws: if the split or a pool in it does not exist, or a weight is out of range.
    public func shift(
        split name: String, weights: [(pool: String, weight: Int)]
    ) throws(ControlError) {}

    /// Begins to end: workers finish what is in flight, and cut at `deadline` what is left.
    public func beginShutdown(deadline: Instant) {}

    /// Publishes one snapshot if anything changed since the last; at the end of each turn.
    public func publishIfDue() {}

    /// How everything is, now.
    public func status() -> StatusReport { StatusReport() }
}
