/// Chooses the replica for each request to one pool. There is one per pool and worker, kept across
/// snapshots.
///
/// Members are known by the row of their replica, so whose turn it is survives any change of
/// membership. Picking allocates nothing.
public struct PoolPicker: Sendable {
    /// A replica that may be used.
    struct Member: BitwiseCopyable, Sendable {
        /// The replica's row, and its position in the pool of the adopted snapshot.
        var row: Int32
        var position: Int32
        var weight: Int32
        /// Smooth weighted turns: what it has earned and not been given yet, but for the turns
        /// since `weightedTurns` was zero.
        var credit = 0
        /// The sum of the weights up to and with this one, for weighted draws.
        var weightEnd: Int32 = 0
    }

    /// In the order of turns: first those that have had their turn of this round (and of these
    /// first those that have had the next one too), then those whose turn is still to come.
    var members: [Member] = []
    /// How many have had their turn in this round.
    var served = 0
    /// How many of these had to be given their turn of the next round as well.
    var servedAhead = 0
    var weightSum = 0
    /// Weighted turns given since the membership was adopted; each earns everyone its weight.
    var weightedTurns = 0
    /// The members by their weight, and the positions of these in `members`.
    var turnGroups: [TurnGroup] = []
    var turnOrder: [Int32] = []
    /// Least connections: where the next look begins, so that equals go in turn.
    var cursor = 0
    /// Policies that learn: what is known about each member, and which member is at a position of
    /// the pool, or -1.
    var figures: [ReplicaFigures] = []
    var indexOfPosition: [Int32] = []
    /// How long a good answer takes, to its end: a mean of the last ones.
    var usualNanoseconds = 0.0
    /// Until then some failures may still count.
    var penaltiesEnd: UInt64 = 0
    /// Consistent hash: the points of the members, what all of them had in flight, and how many
    /// picks ago that was added up.
    var ring = HashRing()
    var inFlightSum = 0
    var picksSinceSum = 0
    var random: RandomSource
    private var method = Method.turns

    private enum Method {
        case turns, weightedTurns, leastLoaded, betterOfTwo, leastLatency, byHash
    }

    /// - Parameter seed: where random draws and the first turn start, different for each worker.
    public init(seed: UInt64) { random = RandomSource(seed: seed) }

    /// Whether any replica is ready.
    public private(set) var hasReady = false

    /// Whether any replica may be used, were it as a last resort.
    public var hasAny: Bool { !members.isEmpty }

    /// The position in `pool.replicas` of the replica to use, or nil if none may be used.
    ///
    /// - Parameters:
    ///   - board: what is in flight on each replica.
    ///   - tried: avoided as long as there is another.
    ///   - hash: of what `Pool.hashKey` names in the request; nil if it has nothing of it.
    ///   - now: monotonic nanoseconds.
    public mutating func pick(
        board: LoadBoard, tried: TriedReplicas, hash: UInt64?, now: UInt64
    ) -> Int? {
        guard !members.isEmpty else { return nil }
        let index =
            switch method {
            case .turns: nextTurn(tried)
            case .weightedTurns: nextWeightedTurn(tried)
            case .leastLoaded: leastLoaded(board, tried, now)
            case .betterOfTwo: betterOfTwo(board, tried, now)
            case .leastLatency: leastLatency(board, tried, now)
            case .byHash: byHash(hash, board, tried)
            }
        return Int(members[index].position)
    }

    /// Takes over a new membership. Those that stay keep their turn and what they have earned; a
    /// newcomer comes last in the present round.
    public mutating func adopt(_ pool: borrowing Pool) {
        let former = Dictionary(uniqueKeysWithValues: zip(members.map(\.row), figures))
        settleTurns()
        var usable = usableReplicas(pool)
        keepMembers(in: &usable)
        addNewcomers(usable)
        addWeights()
        let areEqual = members.allSatisfy { $0.weight == members[0].weight }
        method =
            switch pool.policy {
            case .roundRobin: areEqual ? .turns : .weightedTurns
            case .leastConnections: .leastLoaded
            case .powerOfTwo: .betterOfTwo
            case .consistentHash: .byHash
            case .leastResponseTime: .leastLatency
            }
        arrangeTurns(areTaken: method == .weightedTurns || method == .byHash)
        keepFigures(of: former, positions: pool.replicas.count)
        adoptRing(pool)
    }

    /// Whether `note` is to be told how attempts end.
    public var learns: Bool {
        switch method {
        case .leastLoaded, .betterOfTwo, .leastLatency: true
        case .turns, .weightedTurns, .byHash: false
        }
    }

    var usesRing: Bool { method == .byHash }

    /// The members that may be used now, by row: the ready ones, or else those of last resort.
    private mutating func usableReplicas(_ pool: borrowing Pool) -> [Int32: Member] {
        hasReady = pool.replicas.contains { $0.availability == .ready }
        let wanted: Replica.Availability = hasReady ? .ready : .lastResort
        var usable: [Int32: Member] = [:]
        for (position, replica) in pool.replicas.enumerated()
        where replica.availability == wanted {
            let row = Int32(truncatingIfNeeded: replica.row)
            let weight = Int32(min(max(replica.weight, 1), 1000))
            usable[row] = Member(row: row, position: Int32(position), weight: weight)
        }
        return usable
    }

    /// Drops the members that are not in `usable`, and takes the others out of it.
    private mutating func keepMembers(in usable: inout [Int32: Member]) {
        var kept: [Member] = []
        var counts = (served: 0, ahead: 0)
        for (index, old) in members.enumerated() {
            guard var member = usable.removeValue(forKey: old.row) else { continue }
            member.credit = old.credit
            kept.append(member)
            if index < served { counts.served += 1 }
            if index < servedAhead { counts.ahead += 1 }
        }
        members = kept
        (served, servedAhead) = counts
    }

    private mutating func addNewcomers(_ newcomers: [Int32: Member]) {
        let isFirst = members.isEmpty
        let ordered = newcomers.values.sorted { $0.position < $1.position }
        // Workers begin at different replicas, or all their first requests would meet at one.
        let start = isFirst ? random.next(below: ordered.count) : 0
        members += ordered[start...] + ordered[..<start]
    }

    /// Adds the weights up. Credits are turned into those of the new sum, so that each stays the
    /// same part of a turn.
    private mutating func addWeights() {
        let oldSum = weightSum
        weightSum = 0
        for index in members.indices {
            weightSum += Int(members[index].weight)
            members[index].weightEnd = Int32(weightSum)
        }
        guard oldSum != weightSum, oldSum > 0 else { return }
        for index in members.indices {
            members[index].credit = members[index].credit * weightSum / oldSum
        }
    }
}
