internal import Balancing
internal import Transport

/// A replica as the rest of the control plane sees it.
struct ReplicaStatus: Equatable, Sendable {
    var id: ReplicaID
    var address: SocketAddress
    /// The container name if DNS told it, else the address with its port.
    var name: String
    var state: ReplicaState
    /// Why it is in that state, in the words of the log.
    var cause: String
    /// Since when: nanoseconds since 1970, UTC.
    var sinceWallNanoseconds: UInt64
    /// What a worker may do with it. A replica that is gone stays listed as `lost` for some
    /// seconds, so that every worker gets a snapshot that says so.
    var availability: Replica.Availability
    /// 1 to 1000.
    var weight: Int
    var lastProbe: ProbeReport?
}

/// Keeps the replicas of one pool known and probed: the thin part around `PoolState`.
///
/// It starts by itself. Everything happens on the loop's thread; the closures are called on it,
/// never from within a call of a method of the director.
final class PoolDirector {
    /// Something in `replicas` that matters to workers changed: publish.
    var onChange: () -> Void = {}
    /// One replica changed its state: log it. Called before `onChange`.
    var onTransition: (ReplicaTransition) -> Void = { _ in }
    /// Something about discovery that an operator should read, once per change.
    var onNotice: (String) -> Void = { _ in }

    init(_ configuration: PoolConfiguration, resolver: Resolver, prober: Prober) {
        fatalError("not yet")
    }

    /// All replicas, in the order of their ids.
    var replicas: [ReplicaStatus] { [] }

    /// What real traffic taught a worker. `id` is nil for `held`.
    func observe(_ kind: Observation.Kind, replica id: ReplicaID?) {}

    /// Real traffic got answers from this replica since the last call: a probe that timed out
    /// meanwhile does not count against it.
    func noteServed(_ id: ReplicaID) {}

    /// No new work for the replica, until `undrain`. False if there is no such replica.
    func drain(_ id: ReplicaID) -> Bool { false }
    func undrain(_ id: ReplicaID) -> Bool { false }

    /// Goes on with another configuration; replicas that are in both keep their state.
    func reconfigure(_ configuration: PoolConfiguration, resolver: Resolver) {}

    /// Ends all probes, queries and timers. The director is of no use afterwards.
    func stop() {}
}

/// Probes replicas. One for all pools.
final class Prober {
    init(loop: EventLoop) {}
}
