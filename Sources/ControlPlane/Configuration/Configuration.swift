public import Balancing
public import Transport

/// What the operator wrote, checked and with every default filled in.
///
/// Names refer to one another; `ConfigurationReader` has made sure that they exist.
public struct Configuration: Equatable, Sendable {
    public var listeners: [ListenerConfiguration] = []
    public var routes: [RouteConfiguration] = []
    public var splits: [SplitConfiguration] = []
    public var rollouts: [RolloutConfiguration] = []
    public var pools: [PoolConfiguration] = []
    public var dns = DNSConfiguration()
    public var admin = AdminConfiguration()
    public var log = LogConfiguration()
    public var tracing = TracingConfiguration()
    public var limits = Limits()
    /// Threads that move bytes; nil is one per CPU.
    public var workers: Int?
    /// Where what operators did is kept over restarts; nil: nowhere.
    public var statePath: String? = "/var/lib/weir/state.json"
    /// How long SIGTERM lets present work go on.
    public var shutdownTimeoutMilliseconds = 30_000
    /// How long a process that an upgrade has replaced goes on with present work.
    public var upgradeTimeoutMilliseconds = 600_000

    public init() {}
}

/// An address to accept on, and what is spoken there.
public struct ListenerConfiguration: Equatable, Sendable {
    public var name: String
    public var bind: SocketAddress
    public var mode: Mode
    /// Proxies whose forwarding fields are believed.
    public var trusted: [Subnet] = []
    /// Clients may speak HTTP/2 where they would speak HTTP/1.
    public var speaksHTTP2 = true
    /// From where a PROXY header is required, and believed.
    public var proxies: [Subnet] = []
    /// nil: plain.
    public var tls: ListenerTLS?
    /// The port where https is, to which all requests are sent; 0: they are served here.
    public var redirectPort: UInt16 = 0
    /// What clients are shown for errors of weir's own, in place of its words.
    public var errorPages: [ErrorPageFile] = []

    /// What is spoken, and where TCP leads; HTTP goes where the routes say.
    public enum Mode: Equatable, Sendable {
        case http
        case tcp(TargetName)
        /// TLS that is passed on undecrypted, by the name that the client asks for; what else comes
        /// goes to the fallback, or is refused.
        case passthrough([ServerName], fallback: TargetName?)
    }

    public init(name: String, bind: SocketAddress, mode: Mode) {
        self.name = name
        self.bind = bind
        self.mode = mode
    }
}

/// A name that clients of TLS ask for, and where that leads.
public struct ServerName: Equatable, Sendable {
    /// Lower case: `example.com` or `*.example.com`.
    public var name: String
    public var target: TargetName

    public init(name: String, target: TargetName) {
        self.name = name
        self.target = target
    }
}

/// Where a route or a TCP listener leads, by name.
public enum TargetName: Equatable, Sendable {
    case pool(String)
    case split(String)
}

/// What a request must be like, and where it goes then. All conditions must hold.
public struct RouteConfiguration: Equatable, Sendable {
    /// The listeners it applies to; empty is all that speak HTTP.
    public var listeners: [String] = []
    /// Lower case: `example.com`, `*.example.com`, or nil for any.
    public var host: String?
    /// A prefix by segment: `/v1` and `/v1/` both match `/v1` and `/v1/x`, never `/v10`.
    public var path: String?
    /// Upper case; empty is any.
    public var methods: [String] = []
    /// Field names in lower case with the exact value, or nil for any value.
    public var headers: [HeaderMatch] = []
    /// A request with `Idempotency-Key` counts as idempotent, whatever its method.
    public var honoursIdempotencyKey = false
    /// nil: as many requests as come.
    public var rateLimit: RateLimitConfiguration?
    public var target: TargetName

    /// A field that a request must have.
    public struct HeaderMatch: Equatable, Sendable {
        public var name: String
        public var value: String?
        public init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    public init(target: TargetName) { self.target = target }
}

/// Named weights over pools.
public struct SplitConfiguration: Equatable, Sendable {
    public var name: String
    /// In the order of the file. 0 to 10,000 each; not all zero.
    public var weights: [(pool: String, weight: Int)]
    public var sticky = StickyConfiguration.off
    /// In the order of the file: the first that says something counts.
    public var pins: [PinConfiguration] = []

    public init(name: String, weights: [(pool: String, weight: Int)]) {
        self.name = name
        self.weights = weights
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.name == right.name && left.weights.elementsEqual(right.weights, by: ==)
            && left.sticky == right.sticky && left.pins == right.pins
    }
}

/// How rollouts of a split go on, unless the command line says otherwise.
public struct RolloutConfiguration: Equatable, Sendable {
    public var split: String
    public var plan: RolloutPlan

    public init(split: String, plan: RolloutPlan) {
        self.split = split
        self.plan = plan
    }
}

/// The replicas of one service: where they are found, how they are probed and chosen.
public struct PoolConfiguration: Equatable, Sendable {
    public var name: String
    public var sources: [Source] = []
    public var policy = BalancePolicy.roundRobin
    /// A client stays with its replica by this cookie; nil: it does not.
    public var sticky: CookieConfiguration?
    public var probe = ProbeConfiguration()
    public var settings = PoolSettings()
    /// How long tunnels live on a draining replica.
    public var drain = DrainConfiguration()
    /// Which answers of DNS are believed.
    public var addresses = AddressRule.automatic
    /// nil: real traffic takes no replica out.
    public var ejection: EjectionConfiguration? = EjectionConfiguration()
    /// nil: requests are sent whether the pool answers or not.
    public var circuit: CircuitConfiguration?
    /// What of a request `consistent-hash` goes by.
    public var hashKey = RequestKey.clientAddress
    /// How long a replica that became ready takes to its full weight; 0 is no time, nil what suits
    /// the policy.
    public var slowStartMilliseconds: Int?
    /// The pool that takes the requests while this one has nothing ready.
    public var backup: String?
    /// nil: plain.
    public var tls: PoolTLS?

    /// Where replicas come from.
    public enum Source: Equatable, Sendable {
        /// All addresses that a DNS name has, with one port.
        case name(String, port: UInt16, weight: Int)
        /// One fixed address.
        case address(SocketAddress, weight: Int)
        /// A name whose SRV records tell hosts, ports and weights.
        case service(String)
    }

    /// Which addresses in an answer of DNS become replicas.
    public enum AddressRule: Equatable, Sendable {
        /// Attached subnets only, if the resolver is Docker's (127.0.0.11) and the name has one
        /// label; any otherwise.
        case automatic
        case attachedOnly
        case any
    }

    public init(name: String) { self.name = name }
}

/// What becomes of the tunnels of a draining replica. Requests are always left to finish.
public struct DrainConfiguration: Equatable, Sendable {
    /// How long tunnels go on; nil is until they end by themselves.
    public var tunnelMilliseconds: Int? = 20_000
    /// They are ended one by one over this time, so that clients do not all come back at once.
    public var spreadMilliseconds = 5_000
    public init() {}
}

/// How a replica shows that it can take traffic.
public struct ProbeConfiguration: Equatable, Sendable {
    public var kind = Kind.tcp
    public var intervalMilliseconds = 1_000
    /// nil is 1,000 for HTTP and gRPC, and 300 for TCP.
    public var timeoutMilliseconds: Int?
    /// Passes in a row that make a failed replica ready again; a new one needs one.
    public var rise = 2
    /// Failures in a row that take a replica out. A refused connect needs one.
    public var fall = 2

    /// What is asked of a replica.
    public enum Kind: Equatable, Sendable {
        /// A TCP connect.
        case tcp
        /// A GET and what must be answered.
        case http(HTTPProbe)
        /// The health of a service by grpc.health.v1; an empty one is the server as a whole.
        case grpc(service: String)
        /// No probing: a replica is ready as soon as it is known.
        case off
    }

    /// A GET, and what its answer must be like.
    public struct HTTPProbe: Equatable, Sendable {
        public var path: String
        /// The Host field; nil is the name that discovery asked for.
        public var host: String?
        /// Accepted status codes.
        public var status: [ClosedRange<Int>] = [200...399]
        /// Text that must stand in the first 64 kB of the body.
        public var body: String?
        public init(path: String) { self.path = path }
    }

    public init() {}
}

/// Whom to ask for names, and how often.
public struct DNSConfiguration: Equatable, Sendable {
    /// Empty is what /etc/resolv.conf says.
    public var servers: [SocketAddress] = []
    public var intervalMilliseconds = 500
    public var timeoutMilliseconds = 250
    public init() {}
}

/// Where the command line, the dashboard and the scraper of metrics connect to.
public struct AdminConfiguration: Equatable, Sendable {
    /// nil is no TCP listener.
    public var bind: SocketAddress? = SocketAddress.loopback.withPort(9900)
    /// nil is no Unix socket.
    public var socketPath: String? = "/run/weir/admin.sock"
    /// Where the token is that changes over TCP must show; nil: nothing is changed over TCP.
    public var tokenPath: String?
    public init() {}
}

/// What weir writes, and where.
public struct LogConfiguration: Equatable, Sendable {
    public var access = Access.stdout
    public var format = Format.json
    /// Lines have the trace id of a request's `traceparent`.
    public var hasTraceIDs = false
    /// How many of the exchanges that went well and fast get a line, from 0 to 1.
    public var sample = 1.0
    /// What took as long as this gets a line in any case; nil is nothing.
    public var slowerThanMilliseconds: Int?
    public var level = Level.info

    /// How a line looks.
    public enum Format: Equatable, Sendable {
        case json
        /// As Apache and nginx write it.
        case combined
    }

    /// Where the line for each request and tunnel goes.
    public enum Access: Equatable, Sendable {
        case off
        case stdout
        case file(String)
    }

    /// The least that is worth a line on standard error.
    public enum Level: String, CaseIterable, Sendable, Comparable {
        case debug, info, warning, error
        public static func < (left: Level, right: Level) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    public init() {}
}

/// Which requests leave spans, and where these go.
public struct TracingConfiguration: Equatable, Sendable {
    /// `http://HOST:PORT` of a collector that takes OTLP; nil: there are no traces.
    public var endpoint: String?
    /// How many of the traces that weir decides about are recorded, from 0 to 1.
    public var sample = 1.0
    /// What weir is called in them.
    public var service = "weir"

    public init() {}
}
