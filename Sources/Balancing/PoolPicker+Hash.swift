extension PoolPicker {
    /// The most that a member may have in flight, in hundredths of its share of all, before its
    /// keys go on to the next.
    static let loadPercentMaximum = 125
    /// No member is overloaded with fewer in flight: a key that is asked for twice at once stays.
    static let loadAlwaysAllowed = 4
    /// How many points are looked at before the first one that was not tried has to do.
    static let stepsMaximum = 2_048

    /// The member that the key belongs to. If it was tried, or carries more than its share and a
    /// quarter, the next one on the ring. Without a key it goes in turn.
    mutating func byHash(_ key: UInt64?, _ board: LoadBoard, _ tried: TriedReplicas) -> Int {
        guard let key else { return nextWeightedTurn(tried) }
        picksSinceSum &+= 1
        let start = ring.place(of: key)
        var place = start
        var previous = -1
        var fallback = -1
        for _ in 0..<min(ring.count, PoolPicker.stepsMaximum) {
            let index = ring.member(at: place)
            place = ring.next(place)
            guard index != previous, !tried.contains(Int(members[index].row)) else { continue }
            if !isOverloaded(index, board) { return index }
            if fallback < 0 { fallback = index }
            previous = index
        }
        return fallback < 0 ? ring.member(at: start) : fallback
    }

    /// Compares with what all have in flight. Adding that up takes as long as there are members, so
    /// it is done only when it matters, and then for so many picks that it costs nearly nothing.
    private mutating func isOverloaded(_ index: Int, _ board: LoadBoard) -> Bool {
        let load = board.inFlight(replicaRow: Int(members[index].row))
        guard load >= PoolPicker.loadAlwaysAllowed else { return false }
        if load >= allowed(index), picksSinceSum * 8 >= members.count {
            inFlightSum = members.reduce(0) { $0 + board.inFlight(replicaRow: Int($1.row)) }
            picksSinceSum = 0
        }
        return load >= allowed(index)
    }

    /// With this request, rounded up.
    private func allowed(_ index: Int) -> Int {
        let share = (inFlightSum + 1) * Int(members[index].weight) * PoolPicker.loadPercentMaximum
        return (share + weightSum * 100 - 1) / (weightSum * 100)
    }

    mutating func adoptRing(_ pool: borrowing Pool) {
        guard usesRing else { return ring = HashRing() }
        ring.adopt(
            members.map { member in
                HashRing.Member(pool.replicas[Int(member.position)], weight: member.weight)
            })
        picksSinceSum = members.count
    }
}
