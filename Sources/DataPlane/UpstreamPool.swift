internal import Balancing
internal import Transport

/// A worker's view of a pool: the snapshot's part about it, whose turn it is, and who waits.
struct UpstreamPool: Slotted {
    var isOpen = false
    /// As the newest snapshot has it.
    var pool: Pool
    var picker: PoolPicker
    /// The picker is to be told how attempts end.
    var learns = false
    /// The picker goes by a hash of the request.
    var needsHash = false
    /// Its circuit is not closed; and it is open, so that none of its requests goes.
    var isGuarded = false
    var isShut = false
    /// Its replicas take so many at once; 0 is any number.
    var inFlightMaximum = 0
    /// Requests under way that are trials, and when the next one may begin.
    var trials = 0
    var nextTrial = Instant(nanoseconds: 0)
    /// Clients stay with their replica by a cookie.
    var isSticky = false
    /// In the order of `pool.replicas`.
    var replicas: [Ref<UpstreamReplica>] = []
    /// Where the replicas are that cookies mean, by what those say.
    var stickyPlaces: [StickyPlace] = []
    /// Exchanges that wait for a replica.
    var queue = HoldQueue()
    /// It is on the worker's list of those to look at when the turn ends.
    var wantsRelease = false
    /// Exchanges that have come to this pool.
    var arrivals: UInt64 = 0
    var budget = RetryBudget()
    var idleLimit = IdleLimit()
    /// Its replicas are spoken to by TLS.
    var tls: TLSContext?
    /// When the first of the replicas that this worker avoids, until the control plane has had time
    /// to judge, need no longer be avoided; never: it avoids none.
    var avoidanceEnds = Instant.never
    /// Exchanges that go by this pool, and replicas of it.
    var useCount = 0
    /// No snapshot has it any more; the slot goes with its last use.
    var isGone = false
}

extension Instant {
    /// Later than any other.
    static let never = Instant(nanoseconds: .max)
}

/// What a sticky cookie says, and the position in the pool of a replica that it means.
struct StickyPlace: BitwiseCopyable {
    let tag: UInt64
    let position: Int

    /// The first place whose tag is not below `tag`, in places that are sorted by tag.
    static func first(of tag: UInt64, in places: Span<StickyPlace>) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].tag < tag { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// What a replica is spoken to in: as configured, else as it chose by ALPN the last time.
enum UpstreamCodec: UInt8 {
    case http1, http2
    /// It has not been asked yet.
    case unknown
}

/// A worker's view of a replica: its connections.
struct UpstreamReplica: Slotted {
    var isOpen = false
    var row = 0
    /// In `pool.replicas`.
    var position = 0
    /// For the log: the container name, or the address.
    var name: [UInt8] = []
    var addressText: [UInt8] = []
    var address = SocketAddress.loopback
    /// What its certificate must be for.
    var serverName = ""
    var codec = UpstreamCodec.unknown
    /// It is known to change the protocol of streams (RFC 8441), or was configured to be asked.
    var takesTunnels = false
    /// Streams that it allows on a connection, as it said last; 0: it has not said yet.
    var streamsAllowed = 0
    /// Counts the changes of what its connections are made by: TLS and the name in it, the
    /// protocol, the PROXY protocol.
    var terms: UInt32 = 0
    /// What the next TLS connection to it resumes with.
    var session: TLSSession?
    var pool: Ref<UpstreamPool>
    var availability = Replica.Availability.closed
    /// When its tunnels are ended, each at its own moment; nil: they end by themselves.
    var tunnelEnd: TunnelEnd?
    /// That is news, which its tunnels do not know yet.
    var hasNewTunnelEnd = false
    /// What a sticky cookie says when it means this replica; 0: no cookie does.
    var stickyTag: UInt64 = 0
    /// A connect failed at this worker; no new work until then, whatever the snapshot says.
    var avoidedUntil: Instant?
    var firstConnection: Ref<UpstreamConnection>?
    var firstIdle: Ref<UpstreamConnection>?
    var lastIdle: Ref<UpstreamConnection>?
    var idleCount = 0
    var connectionCount = 0
    /// Exchanges whose present attempt is here, and those whose log will name it.
    var inFlight = 0
    var mentions = 0
    /// No snapshot has it any more; the slot goes with its last connection and mention.
    var isGone = false
}
