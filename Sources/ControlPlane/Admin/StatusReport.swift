public import Metrics

/// Everything that `weir status` tells, at one moment: plain values, counted over all workers.
///
/// Counts are since the thing appeared; rates and quantiles are over the last minute or so.
public struct StatusReport: Equatable, Sendable {
    public var version = ""
    /// RFC 3339, UTC.
    public var time = ""
    public var uptimeMilliseconds = 0
    /// Of the newest snapshot.
    public var generation = 0
    /// `serving` or `draining`.
    public var phase = "serving"
    public var isReady = false
    /// Why it is not ready; empty if it is.
    public var notReadyReasons: [String] = []
    public var workers: [WorkerReport] = []
    public var listeners: [ListenerReport] = []
    public var routes: [RouteReport] = []
    public var splits: [SplitReport] = []
    /// The last rollout of each split, over or not.
    public var rollouts: [RolloutReport] = []
    public var pools: [PoolReport] = []
    /// The newest state changes, the oldest first.
    public var events: [EventReport] = []
    /// How the questions to the resolver were answered, since it was configured.
    public var dns = DNSCounts()
    /// Lines of the state log that could not be written at once.
    public var logLinesLost = 0
    /// Spans that the collector took, and those that it did not take.
    public var spansExported = 0
    public var spansLost = 0

    public init() {}
}

/// What one worker says about itself.
public struct WorkerReport: Equatable, Sendable {
    /// Of the snapshot it works by.
    public var generation = 0
    public var clientConnections = 0
    public var upstreamConnections = 0
    public var exchanges = 0
    public var tunnels = 0
    public var buffersInUse = 0
    public var observationsDropped = 0
    public var logRecordsDropped = 0
    public var spansDropped = 0
    public var loopTurns = 0

    public init() {}
}

/// One address that weir accepts on.
public struct ListenerReport: Equatable, Sendable {
    public var name = ""
    /// The address as bound: the real port where the file says 0.
    public var bind = ""
    /// `http` or `tcp`.
    public var mode = ""
    /// Where a TCP listener leads: `pool NAME` or `split NAME`; nil for HTTP.
    public var target: String?
    public var accepted = 0
    /// Connections open now.
    public var open = 0
    public var requests = 0
    /// How often accepting paused at a limit; who comes meanwhile waits.
    public var refused = 0
    /// Connections of clients that had as many as they may.
    public var clientsRefused = 0
    /// Clients that sent or read too slowly.
    public var tooSlow = 0
    public var malformed = 0
    /// TLS handshakes that went well, those of them that resumed a session, and those that failed.
    public var handshakes = 0
    public var handshakesResumed = 0
    public var handshakesFailed = 0
    /// Empty: plain.
    public var certificates: [CertificateReport] = []

    public init() {}
}

/// One certificate that a listener shows.
public struct CertificateReport: Equatable, Sendable {
    /// Of the chain.
    public var file = ""
    /// DNS names.
    public var names: [String] = []
    /// Such as `ECDSA 256`.
    public var key = ""
    /// RFC 3339, UTC.
    public var notBefore = ""
    public var notAfter = ""
    /// Negative: it has expired.
    public var expiresInSeconds = 0
    /// Why newer files are not used.
    public var problem: String?

    public init() {}
}

/// One route, as it is configured.
public struct RouteReport: Equatable, Sendable {
    /// Empty is every HTTP listener.
    public var listeners: [String] = []
    public var host: String?
    public var path: String?
    /// Empty is any.
    public var methods: [String] = []
    /// `name` or `name: value`.
    public var headers: [String] = []
    /// `pool NAME` or `split NAME`.
    public var target = ""

    public init() {}
}

/// One split with its weights of now.
public struct SplitReport: Equatable, Sendable {
    public var name = ""
    public var parts: [Part] = []
    /// How clients stay with their pool: `cookie NAME`, `hash of header NAME` or `off`.
    public var sticky = "off"
    /// By what requests choose themselves, each as `header NAME: POOL`.
    public var pins: [String] = []
    /// Which slots belong to which pool, from the first on; empty if clients have no slots.
    public var slots: [SlotRun] = []

    /// Slots in a row that belong to the same pool.
    public struct SlotRun: Equatable, Sendable {
        public var pool = ""
        public var count = 0

        public init() {}
    }

    /// One pool of the split.
    public struct Part: Equatable, Sendable {
        public var pool = ""
        public var weight = 0
        /// What the file says; differs from `weight` after `weir shift`.
        public var fileWeight = 0
        /// The weight in percent of the sum.
        public var sharePercent = 0.0

        public init() {}
    }

    public init() {}
}

/// One pool, its figures and its replicas.
public struct PoolReport: Equatable, Sendable {
    public var name = ""
    public var policy = ""
    /// How clients stay with their replica: `cookie NAME` or `off`.
    public var sticky = "off"
    /// How replicas are probed: `tcp`, `http /path` or `off`.
    public var probe = ""
    public var isPaused = false
    /// While paused: how long a request waits at most.
    public var waitAtMostMilliseconds: Int?
    /// Replicas that take new requests.
    public var ready = 0
    public var requests = 0
    public var responses = ClassCounts()
    public var requestsPerSecond = 0.0
    public var inFlight = 0
    /// Requests that wait for a replica now.
    public var holding = 0
    /// Requests that had to wait, and those that waited in vain.
    public var holds = 0
    public var holdTimeouts = 0
    public var tunnels = 0
    /// Tunnels that were ended because their replica was being drained.
    public var tunnelsDrained = 0
    public var retries = 0
    /// Retries that the budget forbade.
    public var retriesDenied = 0
    public var rescued = 0
    /// The same by what they were rescued from.
    public var rescues = RescueCounts()
    /// Requests that weir answered with an error of its own.
    public var failures = 0
    /// Requests that this pool took over for another one.
    public var yielded = 0
    /// How often real traffic took a replica out; nil where it never does.
    public var ejections: Int?
    /// `closed`, `open` or `trial`, and how often it has opened; nil where there is none.
    public var circuit: String?
    public var circuitOpens = 0
    /// Probes that ended, and those of them that did not pass.
    public var probes = 0
    public var probeFailures = 0
    /// Answers that had begun and were cut short, not by the client.
    public var cut = 0
    /// The pool that takes its requests while it has nothing ready; and whether it does so now.
    public var backup: String?
    public var isBackedUp = false
    public var bytesFromClients = 0
    public var bytesToClients = 0
    /// Nil without any request in the last minute.
    public var medianMilliseconds: Double?
    public var p99Milliseconds: Double?
    /// How long requests took since weir started; durations that none had are left out.
    public var durations: [DurationCount] = []
    public var replicas: [ReplicaReport] = []

    public init() {}
}

/// Requests that took about the same time.
public struct DurationCount: Equatable, Sendable {
    /// They took less than this, in microseconds, and not less than a fifth below.
    public var belowMicroseconds = 0
    public var count = 0

    public init() {}
}

/// Requests that were rescued, by class.
public struct RescueCounts: Equatable, Sendable {
    private var counts = [Int](repeating: 0, count: RescueClass.allCases.count)

    public init() {}

    /// How many were rescued from one class of loss.
    public subscript(from: RescueClass) -> Int {
        get { counts[Int(from.rawValue)] }
        set { counts[Int(from.rawValue)] = newValue }
    }
}

/// Responses by status class.
public struct ClassCounts: Equatable, Sendable {
    public var status1xx = 0
    public var status2xx = 0
    public var status3xx = 0
    public var status4xx = 0
    public var status5xx = 0

    public init() {}

    /// All final responses: 1xx are not.
    public var total: Int { status2xx + status3xx + status4xx + status5xx }
}

/// One replica: how it is, since when and why, and what it did.
public struct ReplicaReport: Equatable, Sendable {
    /// The container name if DNS told it, else the address.
    public var name = ""
    public var address = ""
    public var state = ""
    /// Why it came into that state.
    public var cause = ""
    /// RFC 3339, UTC; nil if it is not known.
    public var since: String?
    public var sinceMilliseconds = 0
    /// How the last probe ended; nil before the first.
    public var probeOutcome: String?
    public var probeMilliseconds: Double?
    public var probeAgeMilliseconds: Int?
    public var weight = 1
    /// How much of its weight it has now: less than 100 for a while after it became ready.
    public var weightPercent = 100
    public var inFlight = 0
    /// An operator wants no new work there, whatever its state is now.
    public var isDrained = false
    /// How soon its tunnels are ended; nil: they end by themselves.
    public var tunnelsEndInMilliseconds: Int?
    public var responses = ClassCounts()
    public var requestsPerSecond = 0.0
    /// Attempts that ended without a response.
    public var failures = 0
    public var connects = 0
    public var connectFailures = 0
    public var handshakes = 0
    public var handshakesResumed = 0
    public var connectionsOpen = 0
    public var connectionsIdle = 0
    public var tunnels = 0
    public var bytesSent = 0
    public var bytesReceived = 0
    /// Times to the first byte, added up since it appeared.
    public var firstByteMicrosecondsSum = 0

    public init() {}
}

/// One line of the state log.
public struct EventReport: Equatable, Sendable {
    public var time = ""
    public var level = ""
    public var text = ""

    public init() {}
}
