internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// One thread's share of the traffic: its sockets, its connections, its copy of the snapshot.
///
/// Created inside its thread and never copied; everything in it is used by that thread alone. What
/// it shares with others is in `links`. The rest of the data plane is extensions of this type, one
/// file for each step of an exchange's life (see docs/life-of-a-request.md).
///
/// All its methods are `mutating`, even those that change nothing: Swift 6.3 copies a struct of
/// this size (5 kB) for each call of one that is not, which cost 1,600 instructions per request.
struct Worker: ~Copyable {
    let index: Int
    let links: WorkerLinks
    let counters: WorkerCounters
    var poller: Poller
    var wheel: TimerWheel
    /// The time at which the present turn of the loop began.
    var now: Instant
    var random: RandomBits

    /// What the present receive lands in; large, so that one system call moves much.
    var scratch = Buffer.allocate(capacity: 262_144)
    /// Where heads for either side are put together before they are sent.
    var assembly = Buffer.allocate(capacity: 131_072)
    /// What the path of the request being routed means, if it does not mean what it spells.
    var pathMeaning = Buffer.allocate(capacity: BufferStore.largeBytes)
    /// The cookies that go with a response head.
    var cookieLines = Buffer.allocate(capacity: 512)
    /// What is received of HTTP/2, and the head of one of its requests.
    var sessionInput = Buffer.allocate(capacity: 131_072)
    var streamHead = Buffer.allocate(capacity: BufferStore.largeBytes)
    /// The same of replicas.
    var upstreamInput = Buffer.allocate(capacity: 131_072)
    var upstreamHead = Buffer.allocate(capacity: BufferStore.largeBytes)
    var store: BufferStore
    var requestHead = RequestHead()
    var responseHead = ResponseHead()
    /// The position of the route that the request being routed takes, if that has a rate limit.
    var limitedRoute = -1
    /// When the client that was just refused may come again.
    var retryAfterSeconds = 0
    /// Of the request being routed, if any route looks at fields.
    var fieldPositions: [FieldPosition] = []

    var clients: Slab<ClientConnection>
    var upstreams: Slab<UpstreamConnection>
    var exchanges: Slab<Exchange>
    var pools: Slab<UpstreamPool>
    var replicas: Slab<UpstreamReplica>

    var snapshot: Snapshot
    /// The pools of the snapshot, in its order.
    var poolsByPosition: [Ref<UpstreamPool>] = []
    var replicasByRow: [Int: Ref<UpstreamReplica>] = [:]
    /// Pools whose first in line may have somewhere to go.
    var poolsToRelease: [Ref<UpstreamPool>] = []
    /// Connections that have more to move than fits into one turn.
    var unfinished: [Token] = []
    var listening: [ListeningSocket] = []
    var headLimits = HeadLimits()
    var responseLimits = HeadLimits()
    var log: RecordBuffer
    /// Which exchanges are worth a line of it.
    var logSampler: LogSampler
    /// Of traces.
    var spans: RecordBuffer
    let traceSampler: TraceSampler
    /// Of the client that was given one last.
    var lastClientSerial: UInt64 = 0
    /// Exchanges that pass bytes uninterpreted.
    var tunnelCount = 0
    /// Streams among the clients, and among the upstream connections.
    var clientStreamCount = 0
    var upstreamStreamCount = 0
    /// Connections of HTTP/2 that have something to send, and streams that may go on.
    var clientsToFlush: [Ref<ClientConnection>] = []
    var streamsToResume: [Ref<ClientConnection>] = []
    /// Lines of the trailer sections of requests on streams, until they are behind their bodies: by
    /// exchange, and not in it, since hardly any request has them.
    var requestTrailers: [UInt64: Buffer] = [:]
    var upstreamsToFlush: [Ref<UpstreamConnection>] = []
    var upstreamsToResume: [Ref<UpstreamConnection>] = []
    var isDraining = false
    /// Connections that wait for a request are closed, not only told to end.
    var closesIdle = false
    /// Of the deadline of draining.
    var drainTimer: TimerWheel.Timer?
    /// Of listeners that rest from accepting.
    var pauseTimers: [TimerWheel.Timer] = []
    /// Clients whose handshakes go on in the next turn, and how many steps this turn has made.
    var deferredHandshakes: [Ref<ClientConnection>] = []
    var handshakesThisTurn = 0

    /// Makes the poller, watches the mailbox, and runs until drained.
    static func run(index: Int, links: WorkerLinks) throws(SystemError) {
        let poller = try Poller()
        try poller.add(links.mailbox.descriptor, .readable, token: Token.mailbox.bits)
        var worker = Worker(index: index, links: links, poller: poller)
        worker.run()
    }

    init(index: Int, links: WorkerLinks, poller: consuming Poller) {
        let now = Instant.now()
        self.index = index
        self.links = links
        self.now = now
        self.poller = poller
        counters = links.counters
        wheel = TimerWheel(now: now)
        random = RandomBits(seed: Machine.randomBits())
        snapshot = Snapshot.empty
        store = BufferStore(bytesMaximum: snapshot.limits.bufferBytesPerWorkerMaximum)
        log = RecordBuffer(ring: links.logRing, wakeup: links.logWakeup)
        logSampler = LogSampler(links.logRules)
        spans = RecordBuffer(ring: links.spanRing, wakeup: links.wakeup)
        traceSampler = TraceSampler(share: links.traceShare)
        let noPool = Ref<UpstreamPool>(bits: 8)
        let noReplica = Ref<UpstreamReplica>(bits: 8)
        let noClient = Ref<ClientConnection>(bits: 8)
        clients = Slab(blank: ClientConnection())
        upstreams = Slab(blank: UpstreamConnection(replica: noReplica))
        exchanges = Slab(
            blank: Exchange(client: noClient, requestID: RequestID(high: 0, low: 0)))
        pools = Slab(
            blank: UpstreamPool(
                pool: Pool(row: 0, name: "", policy: .roundRobin, replicas: []),
                picker: PoolPicker(seed: 1)))
        replicas = Slab(blank: UpstreamReplica(pool: noPool))
    }

    deinit {
        scratch.deallocate()
        assembly.deallocate()
        pathMeaning.deallocate()
        cookieLines.deallocate()
        sessionInput.deallocate()
        streamHead.deallocate()
        upstreamInput.deallocate()
        upstreamHead.deallocate()
    }

    /// The loop: wait, serve what is ready, then what is due, then tidy up. Ends when drained.
    mutating func run() {
        while !isDraining || clients.openCount > 0 || exchanges.openCount > 0 {
            let isWaiting = deferredHandshakes.isEmpty && unfinished.isEmpty
            let count = poller.wait(
                milliseconds: isWaiting ? wheel.millisecondsUntilNext(now: now) : 0)
            now = Instant.now()
            if !deferredHandshakes.isEmpty { resumeHandshakes() }
            if !unfinished.isEmpty { serveUnfinished() }
            for position in 0..<count {
                let event = poller.event(at: position)
                switch Token(bits: event.token) {
                case .client(let client): clientEvent(client, event.readiness)
                case .upstream(let upstream): upstreamEvent(upstream, event.readiness)
                case .listener(let row): acceptReady(listenerRow: row)
                case .mailbox: adoptNewest()
                case .exchange: preconditionFailure("an exchange has no descriptor")
                }
            }
            serveTimers()
            endTurn()
        }
        // Those that nobody uses any more.
        for upstream in upstreams.open() { closeUpstream(upstream) }
    }

    private mutating func serveTimers() {
        while let owner = wheel.popDue(now: now) {
            switch Token(bits: owner) {
            case .client(let client): clientTimedOut(client)
            case .upstream(let upstream): upstreamTimedOut(upstream)
            case .exchange(let exchange): exchangeTimedOut(exchange)
            case .listener: resumeAccepting()
            case .mailbox: cutWhatIsLeft()
            }
        }
    }

    private mutating func endTurn() {
        releaseWanted()
        while !clientsToFlush.isEmpty || !upstreamsToFlush.isEmpty {
            flushSessions()
            releaseWanted()
        }
        handshakesThisTurn = 0
        clients.recycle()
        upstreams.recycle()
        exchanges.recycle()
        pools.recycle()
        replicas.recycle()
        log.flush()
        if spans.isOn { endTurnOfTraces() }
        report(.clientConnections, clients.openCount - clientStreamCount)
        report(.upstreamConnections, upstreams.openCount - upstreamStreamCount)
        report(.exchanges, exchanges.openCount)
        report(.tunnels, tunnelCount)
        report(.buffersInUse, store.inUse)
        report(.observationsDropped, Int(links.observations.droppedCount))
        report(.logRecordsDropped, Int(log.droppedCount))
        counters.worker.add(1, row: 0, column: WorkerColumn.loopTurns.rawValue)
    }

    private mutating func endTurnOfTraces() {
        spans.flush()
        report(.spansDropped, Int(spans.droppedCount))
    }

    private mutating func report(_ column: WorkerColumn, _ value: Int) {
        counters.worker.set(UInt64(value), row: 0, column: column.rawValue)
    }
}

/// What a worker shares with the control plane and the log writer. All of it is safe to use from
/// several threads, or has one writer and one reader.
struct WorkerLinks: Sendable {
    let mailbox: Mailbox<SnapshotMessage>
    let counters: WorkerCounters
    let board: LoadBoard
    let rates: RateTable
    let clients: ClientTable
    /// What clients are hashed with to be counted: no client can foretell whose place it gets.
    let clientKey: SigningKey
    let observations: BoundedQueue<Observation>
    let wakeup: Wakeup
    /// nil when there is no access log.
    let logRing: ByteRing?
    let logWakeup: Wakeup?
    let logRules: AccessLogRules
    /// nil when there are no traces.
    let spanRing: ByteRing?
    let traceShare: Double
    let ended: EndedWorkers
}

/// A snapshot on its way to one worker.
final class SnapshotMessage: Sendable {
    let snapshot: Snapshot
    init(_ snapshot: Snapshot) { self.snapshot = snapshot }
}

/// A listening socket of this worker.
struct ListeningSocket {
    var row: Int
    var descriptor: Descriptor
    /// What is accepted here speaks TLS.
    var tls: TLSContext?
    /// Accepting is suspended, since descriptors or slots ran out.
    var isPaused = false
}

/// Fast random bits, good enough for request ids and tie breaks, never for secrets (xoshiro-like
/// quality is not needed; this is SplitMix64).
struct RandomBits {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
