/// What real traffic taught a worker about a replica, reported to the control plane.
///
/// Observations are rare: a request that goes well makes none. They are plain values in a bounded
/// queue; when it is full they are dropped and counted, since probes will find out all the same.
public struct Observation: Sendable, BitwiseCopyable {
    public var kind: Kind
    /// The pool's row, and the replica's row or -1.
    public var poolRow: Int32
    public var replicaRow: Int32
    /// The errno behind it, or zero.
    public var code: Int32

    /// What happened.
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// A connect was refused: nobody listens there.
        case connectRefused
        /// A connect did not end in time, or the network said unreachable.
        case connectFailed
        /// TLS could not be agreed on; the code is that of a `TLSFailure`.
        case handshakeFailed
        /// An unused connection was closed from the other side.
        case idleClosed
        /// A connection with a request on it died before a response.
        case closedBeforeResponse
        /// No response byte in time.
        case firstByteTimeout
        /// A request waits because the pool has nothing ready.
        case held
    }

    public init(kind: Kind, poolRow: Int, replicaRow: Int = -1, code: Int32 = 0) {
        self.kind = kind
        self.poolRow = Int32(truncatingIfNeeded: poolRow)
        self.replicaRow = Int32(truncatingIfNeeded: replicaRow)
        self.code = code
    }
}
