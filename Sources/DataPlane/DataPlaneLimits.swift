/// Limits of the data plane that nobody needs to set; those that somebody may are in
/// `Balancing.Limits` and `Balancing.PoolSettings`.
enum DataPlaneLimits {
    /// How long a worker leaves a replica alone after a failed connect, if the control plane does
    /// not judge before.
    static let avoidMilliseconds = 1_000
    /// How many connects are tried for one request, whatever their number of replicas and the time.
    static let connectsPerRequestMaximum = 256
    /// How long a request that several replicas have closed on waits for its last attempt.
    static let backOffMilliseconds = 250
    /// An attempt that lasted longer than this was with its replica when it ended; one that was
    /// shorter met a connection that was being closed.
    static let startOfWorkMilliseconds = 50
    /// How often a waiting request looks again for itself.
    static let holdCheckMilliseconds = 250
    /// How long no request is tried after one that a pool did not answer.
    static let trialPauseMilliseconds = 1_000
    /// The same for the first in line while all replicas are full: others make room unseen.
    static let fullCheckMilliseconds = 20
    /// How many pools may stand in for one, each for the one before.
    static let backupsMaximum = 4
    /// What a tunnel queues for a slow reader, each way, before it stops reading.
    static let tunnelQueueBytesMaximum = 262_144
    /// How long the two sides of a tunnel that is being ended have to say goodbye.
    static let tunnelEndMilliseconds = 3_000
    /// How long, and for how many bytes, a client that is still sending is listened to after its
    /// answer, so that it can read that answer.
    static let lingerMilliseconds = 2_000
    static let lingerBytesMaximum = 1_048_576
    /// While draining: how long a new connection may take to send its first request.
    static let drainFirstRequestMilliseconds = 1_000
    /// Accepting for the last time: so often the number below, which is the kernel's queue.
    static let drainAcceptRounds = 64
    /// What one connection moves in one turn of the loop, by whole receives: about a tenth of a
    /// millisecond.
    static let turnBytesMaximum = 524_288
    /// Requests of one connection that are begun in one turn of the loop.
    static let turnRequestsMaximum = 64
    /// Connections accepted per event, so that others get their turn.
    static let acceptsPerTurnMaximum = 64
    /// Steps of clients' TLS handshakes in one turn of the loop, each of which may sign something;
    /// more wait for the next turn, so that others get theirs.
    static let handshakesPerTurnMaximum = 16
    /// Unused connections to replicas that are given up at once when descriptors run out.
    static let idleGivenUpAtOnce = 16
    /// How long accepting rests when descriptors have run out.
    static let acceptPauseMilliseconds = 100
    /// A first piece of a response body up to this is copied behind the head; a longer one is sent
    /// from where it is.
    static let copiedBodyBytesMaximum = 4_096
    /// Streams of HTTP/2 that a client may have open at once on one connection.
    static let streamsPerConnectionMaximum = 256
    /// The same to a replica, which may allow fewer; and how many a connection carries in its life.
    static let streamsPerUpstreamMaximum = 256
    static let streamsPerSessionMaximum = 1_000_000
    static let sessionAgeMilliseconds = 3_600_000
    /// What a replica may send ahead, on a stream and on all of a connection; and on one whose
    /// response has come so far, of which so many at once may belong to one client's connection.
    static let upstreamWindowBytes: Int32 = 65_535
    static let upstreamWideWindowBytes: Int32 = 524_288
    static let wideAfterBytes = 32_768
    static let wideStreamsMaximum: Int16 = 8
    static let upstreamConnectionWindowBytes: Int32 = 16_777_216
    /// What a client of HTTP/2 may leave unread before weir reads no more of it.
    static let sessionQueueBytesMaximum = 262_144
    /// What is read ahead for one stream.
    static let streamReadAheadBytesMaximum = 262_144
    /// Interim responses (1xx) forwarded for one request.
    static let interimResponsesMaximum = 16
    /// The largest chunk made of a response that ends with its connection; with its head it fits
    /// into the worker's assembly buffer.
    static let chunkBytesMaximum = 32_768
    /// How long the bytes of a short request may stay unacknowledged by a replica.
    static let userTimeoutMilliseconds: Int32 = 3_000
    static let shortRequestBytesMaximum = 16_384
    /// The same on a connection of HTTP/2 that longer ones have gone by: a replica that has not
    /// read from it for so long does not read from it any more.
    static let sessionUserTimeoutMilliseconds: Int32 = 20_000
    /// How long a replica may take to answer a PING.
    static let pingMilliseconds = 2_000
}
