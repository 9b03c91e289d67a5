/// How many requests each client of a route may make, on average and at once.
public struct RateLimit: Sendable, Equatable {
    /// So many in so much time; at least one.
    public var requests: Int
    public var nanoseconds: Int64
    /// So many at once by who has not asked for long; at least one.
    public var burst: Int
    /// What makes requests those of one client; those that have nothing of it share one allowance.
    public var key: RequestKey

    public init(requests: Int, nanoseconds: Int64, burst: Int, key: RequestKey = .clientAddress) {
        self.requests = requests
        self.nanoseconds = nanoseconds
        self.burst = burst
        self.key = key
    }

    /// The time that one request uses up.
    var intervalNanoseconds: Int64 { max(1, nanoseconds / Int64(max(1, requests))) }
}

/// What a rate limit says of one request.
public enum RateVerdict: Sendable, Equatable {
    case admitted
    /// One more would be admitted after so long.
    case refused(retryAfterNanoseconds: Int64)
}
