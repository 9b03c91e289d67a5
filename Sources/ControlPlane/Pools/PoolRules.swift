import Balancing

/// The figures that `PoolState` decides by. Times are milliseconds.
struct PoolRules: Equatable, Sendable {
    /// False for pools whose replicas are ready as soon as they are known.
    var isProbed = true
    /// Between the probes of a replica that passes, give or take a fifth.
    var probeIntervalMilliseconds = 1_000
    /// Passes in a row that make a replica ready that was down; a new one needs one.
    var rise = 2
    /// Failures in a row that take a replica down; a refused connect needs one.
    var fall = 2
    /// Between the questions to DNS, give or take a fifth.
    var queryIntervalMilliseconds = 500
    /// How long tunnels may live on a draining replica; `Int.max` is until they end by themselves.
    var tunnelMilliseconds = 20_000
    /// nil: real traffic takes nobody out.
    var ejection: EjectionConfiguration? = EjectionConfiguration()
    /// How long a replica takes to its full weight; 0: no time.
    var slowStartMilliseconds = 0

    /// Between the probes of a replica that never passed, for its first minute.
    static let firstProbesIntervalMilliseconds = 100
    static let firstProbesDurationMilliseconds = 60_000
    /// After a failure a few probes come quickly.
    static let quickProbeIntervalMilliseconds = 200
    static let quickProbes = 5
    /// However much traffic complains, probes of one replica and questions of one source keep this
    /// distance.
    static let gapMilliseconds = 50
    /// How old the news may be that a replica answers real requests.
    static let servedNewsMilliseconds = 200
    /// How long a replica that left may finish its work, as long as it answers.
    static let drainMillisecondsMaximum = 60_000
    /// The same when nobody listens any more: Docker's time between SIGTERM and SIGKILL.
    static let stopGraceMilliseconds = 10_000
    /// A connect that is refused so soon after a closed idle connection means that it is stopping.
    static let stoppingMilliseconds = 1_000
    /// How long a replica that is gone stays visible.
    static let goneVisibleMilliseconds = 5_000
    /// The name behind an address is asked for again after this.
    static let nameValidMilliseconds = 5_000
    /// Negative answers in a row after which replicas that fail their probes are gone.
    static let negativesMinimum = 2
    static let replicasMaximum = 4_096
}

/// One of the places that a pool's replicas come from, as `PoolState` sees it.
struct PoolSource: Equatable, Sendable {
    struct ID: Hashable, Sendable {
        let number: Int
    }

    let id: ID
    var origin: Origin
    /// The names behind the addresses are to be known, and to be those of `service`.
    var asksNames = false
    /// The service's own name, by which Compose names its containers.
    var service = ""

    enum Origin: Equatable, Sendable {
        /// Known for good.
        case fixed(ReplicaAddress, weight: Int)
        /// Asked for again and again.
        case polled
    }
}

/// A positive answer: where replicas of a source are.
struct PoolListing: Equatable, Sendable {
    struct Entry: Hashable, Sendable {
        var address: ReplicaAddress
        var weight: Int
    }

    var entries: [Entry]
    /// False when records may be missing: such a listing only adds.
    var isComplete = true
    /// The networks that addresses must be in; nil is anywhere.
    var accepted: [AddressRange]?
    /// The names behind these addresses are nobody's business, as for /etc/hosts.
    var isLocal = false
}
