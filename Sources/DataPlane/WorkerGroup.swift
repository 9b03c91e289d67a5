public import Balancing
public import Metrics
internal import Synchronization
public import Transport

/// All workers: started once, told by snapshots, joined at the end.
///
/// Used by the control plane's thread only; the workers themselves run on theirs.
public final class WorkerGroup {
    private let links: [WorkerLinks]
    private let ended = EndedWorkers()
    private let logWriter: LogWriter?
    private var threads: [WorkerThread] = []

    /// - Parameters:
    ///   - counters: one set per worker.
    ///   - observations: one queue per worker.
    ///   - wakeup: signalled when an observation was made, when there are spans where there were
    ///     none, and when a worker has ended.
    ///   - log: the file of the access log, if another process has opened it already.
    ///   - traces: nil: there are none.
    /// - Throws: if the access log cannot be opened, naming its file.
    public init(
        counters: [WorkerCounters], board: LoadBoard, observations: [BoundedQueue<Observation>],
        wakeup: Wakeup, accessLog: AccessLogTarget, logRules: AccessLogRules = AccessLogRules(),
        inherited log: Descriptor? = nil, traces: TraceOutput? = nil
    ) throws(SystemError) {
        logWriter = try LogWriter(target: accessLog, workers: counters.count, inherited: log)
        let rates = RateTable()
        let clients = ClientTable()
        let clientKey = SigningKey(high: Machine.randomBits(), low: Machine.randomBits())
        var links: [WorkerLinks] = []
        for (index, set) in counters.enumerated() {
            links.append(
                WorkerLinks(
                    mailbox: try Mailbox(), counters: set, board: board,
                    rates: rates, clients: clients, clientKey: clientKey,
                    observations: observations[index], wakeup: wakeup,
                    logRing: logWriter?.rings[index], logWakeup: logWriter?.wakeup,
                    logRules: logRules,
                    spanRing: traces?.rings[index], traceShare: traces?.share ?? 0,
                    ended: ended))
        }
        self.links = links
    }

    /// How many workers have ended.
    public var endedCount: Int { ended.count }

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
                    link.ended.note()
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

    /// Opens the file of the access log anew, for log rotation.
    ///
    /// - Throws: if it cannot be opened; the log goes on as before.
    public func reopenAccessLog() throws(SystemError) { try logWriter?.reopen() }

    /// The file of the access log, for another process that goes on in it; nil if it is no file.
    public var accessLogFile: Descriptor? { logWriter?.file }
}

/// Counts the workers that have ended.
final class EndedWorkers: Sendable {
    private let ended = Atomic<Int>(0)
    var count: Int { ended.load(ordering: .acquiring) }
    func note() { ended.add(1, ordering: .releasing) }
}
