/// Tells replicas of one pool apart. Never used again, not even for the same address: another
/// container that took over an address is another replica.
public struct ReplicaID: Hashable, Comparable, Sendable {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Where a replica listens: the 16-byte form of its address (IPv4 mapped into IPv6), and the port.
public struct ReplicaAddress: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64
    public let port: UInt16

    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }
}

/// How far a replica is trusted.
public enum ReplicaState: String, Sendable, CaseIterable {
    /// Known, and nothing else.
    case new
    /// Being probed until it passes for the first time.
    case probing
    /// Passes its probes.
    case ready
    /// Something failed; the next probes decide. No new work while another replica is ready.
    case suspect
    /// Proven not to work.
    case down
    /// No new work; the present work may end.
    case draining
    /// No longer a member. It stays visible for a few seconds, so that its end reaches everybody.
    case gone
}

/// What a probe or an event said about a replica when its state changed.
public enum ReplicaCause: Equatable, Sendable {
    case discovered
    case probePassed
    case probeFailed(ProbeFailure)
    case notProbed
    case connectRefused
    case connectFailed
    /// TLS could not be agreed on.
    case handshakeFailed(String)
    case closedBeforeResponse
    /// A full answer of DNS no longer has the address.
    case leftDNS
    /// It left DNS, and came back.
    case returnedToDNS
    /// DNS knows no replica of this name any more, and the probes fail as well.
    case nameHasNoReplicas
    case leftConfiguration
    /// The address now belongs to another container.
    case addressReused(by: String)
    case drainedByOperator
    case undrainedByOperator
    /// It answered a probe with 503 and `Weir-Drain: 1`.
    case drainAsked
    /// It closed its unused connections, and refuses new ones since.
    case stopping
    /// It left long ago; whatever still answers there is cut off.
    case drainTimeout
    /// Real traffic spoke against it.
    case ejected(EjectionEvidence, milliseconds: Int)
    /// Said by the process before this one.
    case asBefore(String)
}

/// Why a probe failed.
public enum ProbeFailure: Equatable, Sendable {
    /// Nobody listens there.
    case refused
    /// The network said no, or nothing at all, to the connect.
    case unreachable(String)
    /// It accepted, and then said nothing in time.
    case timeout(milliseconds: Int)
    /// It closed the connection instead of answering.
    case closed
    case status(Int)
    /// 503 with `Weir-Drain: 1`: it wants no new work.
    case drain
    /// The text to be found was not in the body.
    case body
    /// Not an HTTP response.
    case malformed(String)
    /// What gRPC's health service says instead of SERVING.
    case health(String)
    /// TLS could not be agreed on, or its certificate is not accepted.
    case tls(String)

    /// The replica took the connection, so that a request may still be worth a try.
    var isAccepting: Bool {
        switch self {
        case .refused, .unreachable, .drain, .tls: false
        case .timeout, .closed, .status, .body, .malformed, .health: true
        }
    }
}

/// One change of a replica's state, for the log.
public struct ReplicaTransition: Equatable, Sendable {
    public var id: ReplicaID
    public var address: ReplicaAddress
    /// The container name if DNS told it, else empty.
    public var name: String
    public var from: ReplicaState
    public var to: ReplicaState
    public var cause: ReplicaCause
}

/// How the last probe of a replica ended.
public struct ProbeReport: Equatable, Sendable {
    /// Nanoseconds since 1970, UTC.
    public var wallNanoseconds: UInt64
    /// `pass`, or why not, such as `status 503`.
    public var outcome: String
    /// How long it took.
    public var milliseconds: Int
}

extension ReplicaCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .discovered: "discovered"
        case .probePassed: "probe passed"
        case .probeFailed(let failure): "probe failed: \(failure)"
        case .notProbed: "pool is not probed"
        case .connectRefused: "connect refused"
        case .connectFailed: "connect failed"
        case .handshakeFailed(let reason): "TLS failed: \(reason)"
        case .closedBeforeResponse: "closed before response"
        case .leftDNS: "left DNS"
        case .returnedToDNS: "returned to DNS"
        case .nameHasNoReplicas: "name has no replicas in DNS, and probes fail"
        case .leftConfiguration: "left the configuration"
        case .addressReused(let name): "address now belongs to \(name)"
        case .drainedByOperator: "drained by operator"
        case .undrainedByOperator: "undrained by operator"
        case .drainAsked: "the replica asked for it"
        case .stopping: "stopping: it closed its idle connections and refuses new ones"
        case .drainTimeout: "drain timed out"
        case .ejected(let evidence, let milliseconds):
            "ejected for \(Quantity.time.text(of: milliseconds)): \(evidence)"
        case .asBefore(let text): text
        }
    }
}

extension ProbeFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .refused: "refused"
        case .unreachable(let text): "unreachable (\(text))"
        case .timeout(let milliseconds): "timeout after \(milliseconds) ms"
        case .closed: "closed without an answer"
        case .status(let status): "status \(status)"
        case .drain: "status 503, asks to be drained"
        case .body: "text not in body"
        case .malformed(let text): "malformed response (\(text))"
        case .health(let text): "health \(text)"
        case .tls(let text): "TLS: \(text)"
        }
    }
}
