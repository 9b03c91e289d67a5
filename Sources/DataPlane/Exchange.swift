internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// One HTTP request and its response, or one tunnel, from the first byte to the log line.
///
/// It stands between a client codec and an upstream codec and outlives the attempts to reach a
/// replica: each attempt is one connection to one replica.
struct Exchange: Slotted {
    enum Kind: UInt8 {
        case http
        /// A TCP connection, or an HTTP connection after its upgrade.
        case tunnel
    }

    enum Stage: UInt8 {
        /// Waiting in its pool for a replica.
        case held
        /// Between two attempts: what is ending now is given the time to end.
        case backingOff
        /// An upstream connection is being made.
        case connecting
        /// The request is with the replica; no byte of the response has come.
        case awaitingResponse
        /// The response has begun.
        case responding
        case tunnelling
        case ended
    }

    var isOpen = false
    var kind = Kind.http
    var stage = Stage.held
    var client: Ref<ClientConnection>
    var upstream: Ref<UpstreamConnection>?
    var pool: Ref<UpstreamPool>?
    /// Of the present attempt; counted as in flight there.
    var replica: Ref<UpstreamReplica>?
    var timer = TimerWheel.Timer.none

    // The request.
    var method = Method.get
    var clientMinorVersion: UInt8 = 1
    var isIdempotent = true
    var expectsContinue = false
    var wantsUpgrade = false
    /// That is to a protocol of which nobody minds if it stays HTTP: to anything but WebSocket.
    var isUpgradeOptional = false
    /// It is a gRPC call, which is answered as such.
    var isCall = false
    /// When its client will have given up, if it has said so; then there is no use in waiting.
    var deadline = Instant.never
    /// Of what the pool hashes, kept for all attempts; nil if it hashes nothing or the request has
    /// nothing of it.
    var hash: UInt64?
    /// The slot of its split that the client is given with the response, or -1, and the mark of
    /// that split.
    var newSlot: Int16 = -1
    var splitMark: UInt64 = 0
    /// Which replica the client's cookie means; 0: none.
    var replicaTag: UInt64 = 0
    var requestBody = MessageBody()
    /// How it is framed in `request`.
    var requestFraming = BodyFraming.none
    var requestID: RequestID
    /// For the log: the host that the client asked for, then the head as sent upstream, then as
    /// much of the body as is kept for another attempt.
    var request: Buffer?
    var hostBytes = 0
    var headBytes = 0
    /// Bytes of `request` that this attempt has sent, counted from the head.
    var requestSent = 0
    /// Of its span, and of what that is part of; 0: it is not traced, or nothing before weir is.
    var spanID: UInt64 = 0
    var parentSpanID: UInt64 = 0
    /// All body bytes so far are in `request`, so that the request can be sent again.
    var isReplayable = true

    // The response.
    var status = 0
    var responseBody = MessageBody()
    var sendsChunks = false
    var interimResponses = 0
    var tunnel = TunnelState()

    // Attempts.
    var tried = TriedReplicas()
    var attemptBegan = Instant(nanoseconds: 0)
    /// Attempts made; the first ones are described, for the log.
    var attemptCount = 0
    /// Those of them that got a connection.
    var connectedCount = 0
    var attempts = InlineArray<6, Attempt>(repeating: Attempt())
    var isOnReusedConnection = false
    var hasRetriedAfterSending = false
    /// The same, where the connection that failed was a fresh one.
    var hasRetriedFresh = false
    var hasBackedOff = false
    var yieldedFromSplit = false
    /// It is to show whether its pool answers.
    var isTrial = false
    /// A backup of its pool has taken it over.
    var isBackedUp = false
    /// What would have been the end of it without weir; the gravest of it.
    var rescue: RescueClass?
    /// `dispatch` is at work on it; what calls for another attempt inside of it comes next there.
    var isDispatching = false
    var dispatchesAgain = false

    // Waiting.
    /// Its number among those that have come to its pool.
    var place: UInt64 = 0
    var previousHeld: Ref<Exchange>?
    var nextHeld: Ref<Exchange>?
    var isHeld = false
    /// It has waited, and its response has not begun.
    var isReleased = false
    /// Of the buffers that it holds while it waits.
    var heldBytes = 0
    var holdBegan = Instant(nanoseconds: 0)
    var holdDeadline = Instant(nanoseconds: 0)
    var heldNanoseconds: UInt64 = 0

    // Figures.
    var began = Instant(nanoseconds: 0)
    var firstByteAt = Instant(nanoseconds: 0)
    var bytesFromClient: UInt64 = 0
    var bytesToClient: UInt64 = 0
    var routeRow = -1
    var failure: FailureReason?

    init(client: Ref<ClientConnection>, requestID: RequestID) {
        self.client = client
        self.requestID = requestID
    }
}

/// How far a body has come. What it is to the next step is a tag of its own, since looking at that
/// is what most requests do with their body.
struct MessageBody {
    enum Kind: UInt8 {
        /// There is none, or it has ended.
        case none
        /// `remaining` bytes.
        case length
        case chunked
        /// Until the connection closes.
        case untilClose
    }

    private(set) var kind = Kind.none
    /// Bytes that have not come, where the length is known.
    private(set) var remaining: UInt64 = 0
    private var filter = ChunkedFilter(output: .framed)

    var isComplete: Bool { kind == .none }

    /// Of a request: that it is over, only the end of its stream of HTTP/2 tells.
    var endsWithStream: Bool { kind == .untilClose }

    /// A body begins that ends as `framing` says.
    mutating func begin(_ framing: BodyFraming, output: ChunkedFilter.Output) {
        switch framing {
        case .none, .length(0): kind = .none
        case .length(let count): (kind, remaining) = (.length, count)
        case .chunked: (kind, filter) = (.chunked, ChunkedFilter(output: output))
        case .untilClose: kind = .untilClose
        }
    }

    /// Nothing more comes of it.
    mutating func end() { kind = .none }

    /// Takes what belongs to this body from the front of `bytes`.
    ///
    /// - Returns: how many bytes are to be forwarded (they are slid to the front), how many
    ///   belonged to the body (any others are the next message's), and how many of the first are
    ///   lines of a trailer section, at their end, where these do not go with the body.
    /// - Throws: `HTTPError` if the chunk framing is broken.
    mutating func take(_ bytes: inout MutableSpan<UInt8>) throws(HTTPError) -> (
        kept: Int, consumed: Int, trailers: Int
    ) {
        switch kind {
        case .none: return (0, 0, 0)
        case .untilClose: return (bytes.count, bytes.count, 0)
        case .length:
            let taken = Int(min(remaining, UInt64(bytes.count)))
            remaining -= UInt64(taken)
            if remaining == 0 { kind = .none }
            return (taken, taken, 0)
        case .chunked:
            let result = try filter.process(&bytes)
            if filter.isComplete { kind = .none }
            return (result.kept, result.consumed, filter.trailerBytesKept)
        }
    }
}
