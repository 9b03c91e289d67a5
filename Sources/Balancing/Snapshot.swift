/// Everything a worker needs to know to move bytes, as one immutable value.
///
/// The control plane builds it and publishes one deep copy per worker; a worker adopts the newest
/// between two turns of its loop. Positions in these arrays are valid within one snapshot only;
/// what lives longer is found by its `row`, which the control plane keeps for as long as the thing
/// exists and which is also its row in the counter tables.
public struct Snapshot: Sendable {
    /// Rises by one with each publication.
    public var generation: UInt64
    public var phase: Phase
    public var listeners: [Listener]
    public var routes: RouteTable
    public var splits: [Split]
    public var pools: [Pool]
    public var limits: Limits

    /// Whether the program is on its way out.
    public enum Phase: Sendable, Equatable {
        case serving
        /// Accept what still comes, close keep-alive connections as they finish; what is left at
        /// the deadline (monotonic nanoseconds) is cut.
        case draining(deadline: UInt64)
        /// Another process accepts on the same sockets: leave what waits there to it, let clients
        /// go on until their next answer; what is left at the deadline is cut.
        case handedOver(deadline: UInt64)
    }

    /// What a worker goes by before its first snapshot: nothing to do.
    public static let empty = Snapshot(
        generation: 0, phase: .serving, listeners: [], routes: RouteTable(), splits: [], pools: [],
        limits: Limits())

    public init(
        generation: UInt64, phase: Phase, listeners: [Listener], routes: RouteTable,
        splits: [Split], pools: [Pool], limits: Limits
    ) {
        self.generation = generation
        self.phase = phase
        self.listeners = listeners
        self.routes = routes
        self.splits = splits
        self.pools = pools
        self.limits = limits
    }
}

/// Where traffic goes: positions in the arrays of the same snapshot.
public enum Target: Sendable, Equatable {
    case pool(Int)
    case split(Int)
}

/// An address that workers accept on.
public struct Listener: Sendable {
    public var row: Int
    public var name: String
    public var mode: Mode
    /// The listening sockets, opened by the control plane; at least one per worker. Of N workers
    /// the one with the index i uses those at i, i + N, i + 2 N and so on, and closes them when a
    /// snapshot no longer has this row.
    public var descriptors: [Int32]
    /// Addresses whose `X-Forwarded-*` and `Forwarded` fields are believed, as mask and base of the
    /// 16-byte form.
    public var trusted: [AddressRange]
    /// Clients may speak HTTP/2 where they would speak HTTP/1.
    public var speaksHTTP2 = true
    /// Addresses from which a PROXY header is required, and believed.
    public var proxies: [AddressRange] = []
    /// What TLS is spoken by: a `TLSContext` of Transport, which is passed on here and not known;
    /// nil: plain.
    public var tls: (any AnyObject & Sendable)?
    /// Where https is spoken instead: requests are sent there; 0: nowhere.
    public var redirectPort: UInt16 = 0
    /// How long clients are told to keep to https, in seconds; negative: they are not.
    public var hstsSeconds: Int32 = -1
    /// What clients are shown for errors of weir's own; nil: its words.
    public var errorPages: ErrorPages?

    /// What a listener does with the bytes it accepts.
    public enum Mode: Sendable, Equatable {
        /// HTTP, sent where the routes say.
        case http
        /// Bytes, all to one target.
        case tcp(Target)
        /// Bytes of TLS, by the name that the client asks for.
        case tls(ServerNames)
    }

    public init(
        row: Int, name: String, mode: Mode, descriptors: [Int32], trusted: [AddressRange] = []
    ) {
        self.row = row
        self.name = name
        self.mode = mode
        self.descriptors = descriptors
        self.trusted = trusted
    }
}

/// A subnet in the 16-byte form (IPv4 mapped into IPv6), in host order.
public struct AddressRange: Sendable, Equatable {
    public var maskHigh: UInt64
    public var maskLow: UInt64
    public var baseHigh: UInt64
    public var baseLow: UInt64

    public init(maskHigh: UInt64, maskLow: UInt64, baseHigh: UInt64, baseLow: UInt64) {
        self.maskHigh = maskHigh
        self.maskLow = maskLow
        self.baseHigh = baseHigh
        self.baseLow = baseLow
    }

    /// Whether the address, in the 16-byte form and host order, lies within.
    public func contains(high: UInt64, low: UInt64) -> Bool {
        high & maskHigh == baseHigh && low & maskLow == baseLow
    }
}

/// The replicas of one service, and how to spread traffic over them.
public struct Pool: Sendable {
    public var row: Int
    public var name: String
    public var policy: BalancePolicy
    public var replicas: [Replica]
    /// True while an operator lets requests wait.
    public var isPaused: Bool
    /// Whether its requests are let through.
    public var circuit = Circuit.closed
    /// Position of the pool that takes over while this one has nothing to offer; nil: none does.
    public var backup: Int?
    /// What of a request `consistent-hash` goes by.
    public var hashKey = RequestKey.clientAddress
    /// A client stays with its replica by a cookie of weir's; nil: it does not.
    public var sticky: StickyCookie?
    /// What TLS is spoken by, as in `Listener`.
    public var tls: (any AnyObject & Sendable)?
    public var settings: PoolSettings

    public init(
        row: Int, name: String, policy: BalancePolicy, replicas: [Replica], isPaused: Bool = false,
        settings: PoolSettings = PoolSettings()
    ) {
        self.row = row
        self.name = name
        self.policy = policy
        self.replicas = replicas
        self.isPaused = isPaused
        self.settings = settings
    }
}

/// Whether the requests of a pool are let through, or answered at once since it does not answer.
public enum Circuit: Sendable, Equatable {
    case closed
    /// None, until about then: monotonic nanoseconds.
    case open(until: UInt64)
    /// One at a time, by each worker.
    case trial
}

/// How a pool chooses among its replicas.
public enum BalancePolicy: String, Sendable, CaseIterable {
    /// In turn; by smooth weighted turns if the weights differ.
    case roundRobin = "round-robin"
    /// The fewest exchanges and tunnels in flight over all workers, relative to weight.
    case leastConnections = "least-connections"
    /// The better of two random ones by the same measure.
    case powerOfTwo = "power-of-two"
    /// By a hash of the request, so that the same go to the same; bounded in load.
    case consistentHash = "consistent-hash"
    /// The better of two random ones by the time that answers take and by what is in flight.
    case leastResponseTime = "least-response-time"

    /// Whether it goes by a hash of `Pool.hashKey`, so that requests must bring one.
    public var usesHash: Bool {
        switch self {
        case .consistentHash: true
        case .roundRobin, .leastConnections, .powerOfTwo, .leastResponseTime: false
        }
    }
}

/// One member of a pool.
public struct Replica: Sendable {
    /// Kept for as long as the replica exists; also its row in the counter tables.
    public var row: Int
    /// The container name if DNS told it, else the address.
    public var name: String
    /// The 16-byte form in host order.
    public var addressHigh: UInt64
    public var addressLow: UInt64
    public var port: UInt16
    /// Relative share, 1 to 1000.
    public var weight: Int
    public var availability: Availability
    /// What a sticky cookie says when it means this replica; 0: no cookie does.
    public var stickyTag: UInt64 = 0
    /// What its certificate must be for: a DNS name, which it is also told, or an address.
    public var serverName = ""
    /// When the tunnels of a draining replica are ended; nil: they end by themselves.
    public var tunnelEnd: TunnelEnd?

    /// What a worker may do with it; the full state is the control plane's business.
    public enum Availability: UInt8, Sendable {
        /// New work may go there.
        case ready
        /// No replica of the pool is ready, but this one still accepts: better than nothing.
        case lastResort
        /// No new work; the present work goes on, for tunnels until `tunnelEnd`.
        case closed
        /// Dead or frozen: its connections are cut, and what was in flight is retried where
        /// allowed.
        case lost
    }

    public init(
        row: Int, name: String, addressHigh: UInt64, addressLow: UInt64, port: UInt16,
        weight: Int = 1, availability: Availability
    ) {
        self.row = row
        self.name = name
        self.addressHigh = addressHigh
        self.addressLow = addressLow
        self.port = port
        self.weight = weight
        self.availability = availability
    }
}

/// When tunnels are ended that would not end by themselves: each at a moment of its own, so that
/// their clients do not all come back at once.
public struct TunnelEnd: Sendable, Equatable {
    /// Monotonic nanoseconds; the first are ended then.
    public var at: UInt64
    /// The last are ended so much later.
    public var spreadNanoseconds: UInt64

    public init(at: UInt64, spreadNanoseconds: UInt64) {
        self.at = at
        self.spreadNanoseconds = spreadNanoseconds
    }
}

/// What of a request is hashed, so that requests that are alike in it go the same way.
public enum RequestKey: Sendable, Equatable {
    /// The client's address, without its port.
    case clientAddress
    /// The path, without the query.
    case path
    /// The value of the first field with this name, in lower case.
    case header(String)
    /// The value of the first cookie with this name.
    case cookie(String)
}

/// A cookie that weir sets, and believes again because it has signed it.
public struct StickyCookie: Sendable, Equatable {
    /// A cookie name (RFC 6265 §4.1.1).
    public var name: String
    /// How long the client keeps it; nil: until it is closed.
    public var maxAgeSeconds: Int?
    /// What its signature is made with.
    public var key: SigningKey

    public init(name: String, maxAgeSeconds: Int? = nil, key: SigningKey) {
        self.name = name
        self.maxAgeSeconds = maxAgeSeconds
        self.key = key
    }
}

/// 128 secret bits.
public struct SigningKey: Sendable, Equatable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
