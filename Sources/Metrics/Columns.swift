/// What is counted per replica, by each worker.
public enum ReplicaColumn: Int, CaseIterable, Sendable {
    /// Gauge: connections open to it now, and those of them that are unused.
    case connectionsOpen
    case connectionsIdle
    /// Attempts that got a response, by status class.
    case status1xx, status2xx, status3xx, status4xx, status5xx
    /// Attempts that ended without a response.
    case failures
    case connects
    case connectFailures
    /// TLS handshakes that went well, and those of them that resumed a session.
    case handshakes, handshakesResumed
    case tunnels
    case bytesSent
    case bytesReceived
    /// Sum of first-byte times, in microseconds, for means.
    case firstByteMicroseconds
    /// Where the histogram of first-byte times begins; it takes `octaves` columns.
    case firstByteHistogram

    /// One bucket for each power of two, four of `Histogram`: there are many replicas.
    public static let octaves = Histogram.bucketCount / 4

    /// The column in which a first-byte time is counted.
    @inline(__always)
    public static func firstByte(microseconds: UInt64) -> Int {
        firstByteHistogram.rawValue &+ Histogram.bucket(microseconds: microseconds) &>> 2
    }

    /// All columns of a replica.
    public static let count = firstByteHistogram.rawValue + octaves
}

/// What is counted per pool, by each worker.
public enum PoolColumn: Int, CaseIterable, Sendable {
    case requests
    /// Answers given to clients, by status class, the ones weir made itself included.
    case status1xx, status2xx, status3xx, status4xx, status5xx
    case tunnels
    /// Tunnels that were ended because their replica was being drained.
    case tunnelsDrained
    case retries
    /// Retries that the budget forbade.
    case retriesDenied
    /// Requests that would have failed without weir's doing, and did not.
    case rescued
    /// Requests that had to wait, how many wait now (gauge), and how many waited in vain.
    case holds, holding, holdTimeouts
    /// Requests that weir answered with an error of its own.
    case failures
    case bytesFromClients
    case bytesToClients
    /// Requests that this pool took over: for another of its split, or as a backup.
    case yielded
    /// Sum of the durations that the latency histogram counts, in microseconds.
    case latencyMicroseconds
    /// Answers that had begun and were cut short, not by the client.
    case cut
    /// Where the latency histogram begins; it takes `Histogram.bucketCount` columns.
    case histogram

    /// The column of what was rescued from one class of loss; they are behind the histogram.
    public static func rescued(_ from: RescueClass) -> Int {
        histogram.rawValue + Histogram.bucketCount + Int(from.rawValue)
    }

    /// All columns of a pool.
    public static let count =
        histogram.rawValue + Histogram.bucketCount + RescueClass.allCases.count
}

/// What is counted per listener, by each worker.
public enum ListenerColumn: Int, CaseIterable, Sendable {
    case accepted
    /// Gauge: connections open now.
    case open
    case requests
    /// How often accepting paused at a limit.
    case refused
    case malformed
    /// TLS handshakes that went well, those of them that resumed a session, and those that failed.
    case handshakes, handshakesResumed, handshakesFailed
    /// Connections of clients that had as many as they may.
    case clientsRefused
    /// Clients that sent or read too slowly.
    case tooSlow
}

/// What a worker says about itself; one row.
public enum WorkerColumn: Int, CaseIterable, Sendable {
    /// Gauge: the generation of the snapshot it works by.
    case generation
    /// Gauges: what is open or in use now.
    case clientConnections, upstreamConnections, exchanges, tunnels, buffersInUse
    case observationsDropped, logRecordsDropped, spansDropped
    case loopTurns
}

/// All the counters that one worker writes.
public struct WorkerCounters: Sendable {
    public let replicas: CounterTable
    public let pools: CounterTable
    public let listeners: CounterTable
    public let worker: CounterTable

    /// The most replicas, pools and listeners that can exist at once.
    public static let replicaRowsMaximum = 16_384
    public static let poolRowsMaximum = 1_024
    public static let listenerRowsMaximum = 256
    /// Rows that are never given out: what is still in flight on something that no snapshot has any
    /// more is counted here.
    public static let goneReplicaRow = replicaRowsMaximum - 1
    public static let gonePoolRow = poolRowsMaximum - 1
    public static let goneListenerRow = listenerRowsMaximum - 1

    public init() {
        replicas = CounterTable(
            rowsMaximum: WorkerCounters.replicaRowsMaximum, columns: ReplicaColumn.count)
        pools = CounterTable(
            rowsMaximum: WorkerCounters.poolRowsMaximum,
            columns: PoolColumn.count)
        listeners = CounterTable(
            rowsMaximum: WorkerCounters.listenerRowsMaximum, columns: ListenerColumn.allCases.count)
        worker = CounterTable(rowsMaximum: 1, columns: WorkerColumn.allCases.count)
    }
}
