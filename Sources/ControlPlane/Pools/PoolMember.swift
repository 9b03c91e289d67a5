import Balancing

/// One replica as `PoolState` keeps it. Times are milliseconds; `Int.max` is never.
struct PoolMember {
    let id: ReplicaID
    let address: ReplicaAddress
    var weight: Int
    /// The sources that list it; none when it left.
    var sources: Set<PoolSource.ID>

    var state = ReplicaState.new
    var cause = ReplicaCause.discovered
    var since: Int
    /// When it was found, or found again.
    var discoveredAt: Int
    /// The operator wants no new work there, or the container itself, until it is taken back.
    var isDrained = false
    /// Which of the two.
    var drainCause = ReplicaCause.drainedByOperator
    /// The replica itself wants no new work.
    var leaving: Leaving?
    /// When it closed an unused connection last.
    var idleClosedAt = Int.min / 2
    /// When the tunnels of a draining replica are ended that have not ended by themselves.
    var tunnelsEndAt = Int.max
    /// When it left its last source.
    var leftAt: Int?

    /// A probe passed at some time, of this very container.
    var hasPassed = false
    /// In a row, up to now.
    var passes = 0
    var failures = 0
    var lastFailure: ProbeFailure?
    /// Went down by silence while others were ready, so that its connections are worth nothing.
    var isFrozen = false
    var quickProbesLeft = 0
    var nextProbeAt = Int.max
    var probeStartedAt: Int?
    var probeEndedAt = Int.min / 2
    /// Something happened while a probe was under way, which calls for another.
    var probesAgain = false
    /// The probe under way began before the replica was doubted; its end says nothing.
    var isProbeStale = false
    var servedAt = Int.min / 2
    /// Real traffic spoke against it: no new work until then, and until probes pass.
    var ejectedUntil: Int?
    /// Ejections in a row, up to now; and when the last one was over.
    var ejections = 0
    var ejectionEndedAt = Int.min / 2
    /// When it became ready, not counting moments of doubt.
    var warmSince = 0

    /// The container names behind the address, sorted.
    var names: [String] = []
    /// False where names mean nothing, as for fixed addresses.
    var hasNames = false
    var naming = Naming.settled
    var namesAskedAt = Int.min / 2
    var isAskingNames = false

    /// How a replica said that it wants no new work.
    enum Leaving: Equatable, Sendable {
        /// A probe was answered so.
        case asked
        /// It closed its unused connections and refuses new ones.
        case stopping
    }

    enum Naming: Equatable, Sendable {
        /// Known, or known to be unknowable, or of no interest.
        case settled
        /// Not ready before the answer is there.
        case asking
        /// A strange name, or none where others have one. The answer of DNS to a question after
        /// this one must vouch for it.
        case unconfirmed(since: Int)
        /// DNS vouched for the address; the name is asked for once more.
        case vouched
    }

    init(
        id: ReplicaID, address: ReplicaAddress, weight: Int, sources: Set<PoolSource.ID>, since: Int
    ) {
        self.id = id
        self.address = address
        self.weight = weight
        self.sources = sources
        self.since = since
        discoveredAt = since
    }

    /// The container's name if it is known, else empty.
    var name: String { names.first.map(ServiceNames.container) ?? "" }

    /// What workers may do with it.
    ///
    /// - Parameter readyCount: how many replicas of the pool are ready.
    func availability(readyCount: Int) -> Replica.Availability {
        switch state {
        case .ready: .ready
        case .gone: .lost
        case .new, .probing, .draining: .closed
        case .suspect, .down:
            if isLastResort, readyCount == 0 {
                .lastResort
            } else {
                state == .down && isSilent ? .lost : .closed
            }
        }
    }

    private var isLastResort: Bool {
        hasPassed && !isDrained
            && lastFailure?.isAccepting ?? (state == .suspect || ejectedUntil != nil)
    }

    /// Nothing will ever come over its connections, and no reset will tell so. A replica that
    /// refuses new connections is not silent: it may be finishing its last work.
    private var isSilent: Bool {
        switch lastFailure {
        case .unreachable: true
        case .timeout: isFrozen
        default: false
        }
    }

    func isExpired(at now: Int) -> Bool {
        state == .gone && now - since >= PoolRules.goneVisibleMilliseconds
    }

    /// When a replica that left is gone, whatever it answers.
    func drainDeadline(_ rules: PoolRules) -> Int {
        guard let leftAt, state != .gone else { return .max }
        let isStopping = lastFailure == .refused || !rules.isProbed
        return leftAt
            + (isStopping ? PoolRules.stopGraceMilliseconds : PoolRules.drainMillisecondsMaximum)
    }

    func nextDeadline(_ rules: PoolRules) -> Int {
        state == .gone
            ? since + PoolRules.goneVisibleMilliseconds
            : min(nextProbeAt, drainDeadline(rules), ejectedUntil ?? .max)
    }
}
