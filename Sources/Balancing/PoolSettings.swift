/// Finite by default, all of them. Times are milliseconds.
public struct PoolSettings: Sendable, Equatable {
    public var connectTimeoutMilliseconds = 300
    /// From the last request byte sent to the first response byte.
    public var firstByteTimeoutMilliseconds = 60_000
    /// Without any progress of a body, either way.
    public var bodyIdleTimeoutMilliseconds = 60_000
    /// How long an unused upstream connection is kept. Below the 5 s after which Node closes.
    public var idleTimeoutMilliseconds = 4_000
    /// A request that is not idempotent goes only onto a connection idle for less than this.
    public var freshnessMilliseconds = 500
    public var idleConnectionsPerReplicaMaximum = 256
    /// Requests and tunnels with each replica at once, over all workers; 0 is any number.
    public var inFlightPerReplicaMaximum = 0
    /// How long a request waits for a replica.
    public var holdTimeoutMilliseconds = 15_000
    /// How many requests wait at once in one worker.
    public var holdRequestsMaximum = 1_000
    /// What the buffers of these may take together, in bytes.
    public var holdBytesMaximum = 67_108_864
    /// Of those that have waited, how many are with each usable replica at once while others wait.
    public var holdReleaseMaximum = 32
    /// How often one request may reach a replica. Connects that fail do not count.
    public var attemptsMaximum = 3
    /// Statuses that are tried again elsewhere before the client sees one.
    public var retryStatuses = RetryStatuses()
    /// Whether a response that does not begin in time is tried again elsewhere.
    public var retriesFirstByte = false
    /// Retries allowed for each 100 requests, and for each second in any case.
    public var retryBudgetPercent = 20
    public var retryFloorPerSecond = 10
    /// For upgraded connections and TCP tunnels without a byte either way; 0 is for ever.
    public var tunnelIdleTimeoutMilliseconds = 3_600_000
    /// What its replicas are spoken to in.
    public var upstreamProtocol = UpstreamProtocol.http1
    /// What replicas are told first on each connection: who the client is.
    public var proxyProtocol = ProxyProtocol.off

    public init() {}
}

/// What weir speaks to the replicas of a pool.
public enum UpstreamProtocol: Sendable {
    case http1
    /// With prior knowledge (RFC 9113 §3.3), or by TLS as the only one that is offered.
    case http2
    /// Whichever of both a replica chooses by ALPN, each for itself.
    case negotiated
}

/// The versions of the PROXY protocol.
public enum ProxyProtocol: UInt8, Sendable, BitwiseCopyable {
    case off, v1, v2
}

/// Which of the statuses that say "not me, not now" are tried again elsewhere.
public struct RetryStatuses: OptionSet, Sendable, BitwiseCopyable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let badGateway = RetryStatuses(rawValue: 1)
    public static let unavailable = RetryStatuses(rawValue: 2)
    public static let gatewayTimeout = RetryStatuses(rawValue: 4)

    /// Whether the status is one of them.
    public func contains(_ status: Int) -> Bool {
        guard rawValue != 0, (502...504).contains(status) else { return false }
        return rawValue & 1 << UInt8(status - 502) != 0
    }
}

/// What every client must keep to, and what a worker keeps to. Sizes are bytes, times milliseconds.
public struct Limits: Sendable, Equatable {
    public var requestHeadBytesMaximum = 16_384
    public var responseHeadBytesMaximum = 16_384
    /// Header fields in one message.
    public var fieldsMaximum = 100
    /// From the first byte of a request head to its end.
    public var headTimeoutMilliseconds = 10_000
    /// A client connection without a request.
    public var keepAliveTimeoutMilliseconds = 75_000
    /// Without any progress of a body, either way, on the client side.
    public var clientIdleTimeoutMilliseconds = 60_000
    /// Of a request body while its replica would take more of it, and of a response while some of
    /// it waits for its client: bytes per second over a window; 0 is none.
    public var requestBytesPerSecondMinimum = 100
    public var responseBytesPerSecondMinimum = 100
    public var rateWindowMilliseconds = 60_000
    public var requestsPerConnectionMaximum = 10_000
    public var clientConnectionsPerWorkerMaximum = 65_536
    /// To replicas; unused ones are given up before it is reached.
    public var upstreamConnectionsPerWorkerMaximum = 65_536
    /// Of one client at each listener, over all workers; 0 is any number.
    public var connectionsPerClientMaximum = 8_192
    /// A response is read ahead of a slow client up to this.
    public var readAheadBytesMaximum = 1_048_576
    /// A request body up to this is kept, so that it can be sent again.
    public var replayBytesMaximum = 65_536
    /// All buffers of one worker together.
    public var bufferBytesPerWorkerMaximum = 268_435_456

    public init() {}
}
