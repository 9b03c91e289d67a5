/// What a request was rescued from: the moments at which others lose requests. The class of one
/// that was rescued from several is the last of them in this order.
public enum RescueClass: UInt8, CaseIterable, Sendable {
    /// Its pool had nothing to offer, and another pool of the split took it.
    case yielded
    /// The rest of its response was with weir when the replica that had sent it was gone.
    case readAhead
    /// A kept connection that its replica had just closed.
    case staleConnection
    /// Nobody listened any more.
    case connectRefused
    /// The connect did not end in time, or the network said unreachable.
    case connectFailed
    /// A fresh connection that was closed at once, without a response.
    case closedEarly
    /// The replica ended, or was declared lost, while it worked on the request.
    case replicaEnded
    /// The replica answered with a status that is tried again elsewhere.
    case status
    /// The replica did not begin to answer in time.
    case firstByte
    /// No replica was ready, or the pool was paused.
    case held
    /// A WebSocket was closed with 1001 before its replica ended.
    case tunnelDrained

    /// As metrics and the status page spell it.
    public var word: String {
        switch self {
        case .yielded: "yielded"
        case .readAhead: "read_ahead"
        case .staleConnection: "stale_connection"
        case .connectRefused: "connect_refused"
        case .connectFailed: "connect_failed"
        case .closedEarly: "closed_early"
        case .replicaEnded: "replica_ended"
        case .status: "status"
        case .firstByte: "first_byte"
        case .held: "held"
        case .tunnelDrained: "tunnel_drained"
        }
    }
}
