public import Balancing
public import Metrics
public import Transport

/// All workers: started once, told by snapshots, joined at the end.
///
/// Used by the control plane's thread only; the workers themselves run on theirs.
public final class WorkerGroup {
    public let count: Int
    /// What each worker observes; drained by the control plane when `wakeup` signals.
    public let observations: [BoundedQueue<Observation>]
    private let links: [WorkerLinks]
    private let logWriter: LogWriter?
    private var threads: [WorkerThread] = []

    /// - Parameters:
    ///   - counters: one set per worker.
    ///   - wakeup: signalled when an observation was made, and when a worker has ended.
    ///   - accessLog: where the access log goes; nil is nowhere.
    public init(
        counters: [WorkerCounters], board: LoadBoard, wakeup: Wakeup, accessLog: Descriptor?
    ) throws(SystemError) {
        count = counters.count
        logWriter = try accessLog.map { descriptor throws(SystemError) in
            try LogWriter(descriptor: descriptor, workers: counters.count)
        }
        var links: [WorkerLinks] = []
        for (index, set) in counters.enumerated() {
            links.append(
                WorkerLinks(
                    mailbox: try Mailbox(), counters: set, board: board,
                    observations: BoundedQueue(capacity: 4_096), wakeup: wakeup,
                    logRing: logWriter?.rings[index], logWakeup: logWriter?.wakeup))
        }
        self.links = links
        observations = links.map(\.observations)
    }

    /// Starts the threads. Publish a snapshot before or after; they wait for one.
    public func start() throws(SystemError) {
        try logWriter?.start()
        for (index, link) in links.enumerated() {
            threads.append(
                try WorkerThread(name: "worker-\(index)") {
                    do {
                        try Worker.run(index: index, links: link)
                    } catch {
                        fatalError("worker \(index) cannot start: \(error)")
                    }
                    link.wakeup.signal()
                })
        }
    }

    /// Gives every worker a copy of its own.
    public func publish(_ snapshot: Snapshot) {
        for link in links { link.mailbox.post(SnapshotMessage(snapshot.deepCopy())) }
    }

    /// Waits until every worker has ended, which a snapshot in phase `draining` makes them do, and
    /// the log is written out.
    public func join() {
        for thread in threads { thread.join() }
        threads.removeAll()
        logWriter?.finish()
    }

    /// Writes the access log to another descriptor from now on, for log rotation.
    public func redirectAccessLog(to descriptor: Descriptor) {
        logWriter?.redirect(to: descriptor)
    }
}
