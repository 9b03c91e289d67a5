extension PoolPicker {
    /// So many members are looked at for one pick by least connections.
    static let looksMaximum = 16

    /// The least loaded for its weight. Among equals it goes in turn, so that an idle pool is used
    /// evenly. In a pool of more than `looksMaximum` members it is the least loaded of so many that
    /// are next in turn, which is hardly ever one that carries much.
    ///
    /// Loads are in 256ths, for the sake of the penalties for failures.
    mutating func leastLoaded(_ board: LoadBoard, _ tried: TriedReplicas, _ now: UInt64) -> Int {
        let hasPenalties = now < penaltiesEnd
        let start = cursor < members.count ? cursor : 0
        var best = -1
        var bestLoad = 0
        var bestWeight = 1
        var index = start
        for looked in members.indices {
            if looked >= PoolPicker.looksMaximum, best >= 0 { break }
            let member = members[index]
            // One more than now: what its load would be with this request.
            var load = (board.inFlight(replicaRow: Int(member.row)) &+ 1) &<< 8
            if hasPenalties { load &+= Int(penalty(of: index, now) * 256) }
            let isBetter = best < 0 || load &* bestWeight < bestLoad &* Int(member.weight)
            if isBetter, !tried.contains(Int(member.row)) {
                (best, bestLoad, bestWeight) = (index, load, Int(member.weight))
            }
            index = index + 1 == members.count ? 0 : index + 1
        }
        if best < 0 { best = start }
        cursor = best + 1
        return best
    }

    /// The less loaded of two different random members.
    ///
    /// Members are drawn by weight, so the first draw alone already gives everyone its share; the
    /// second one only takes over from a first that carries more for its weight.
    mutating func betterOfTwo(_ board: LoadBoard, _ tried: TriedReplicas, _ now: UInt64) -> Int {
        let first = untried(from: draw(), tried)
        guard members.count > 1 else { return first }
        let second = untried(from: draw(except: first), tried)
        let left = load(of: first, board, now)
        let right = load(of: second, board, now)
        let isBetter = right * Int(members[first].weight) < left * Int(members[second].weight)
        return isBetter ? second : first
    }

    private func load(of index: Int, _ board: LoadBoard, _ now: UInt64) -> Int {
        let inFlight = board.inFlight(replicaRow: Int(members[index].row)) &<< 8
        return now < penaltiesEnd ? inFlight &+ Int(penalty(of: index, now) * 256) : inFlight
    }

    mutating func draw() -> Int { member(at: random.next(below: weightSum)) }

    /// As if the member were not there.
    mutating func draw(except index: Int) -> Int {
        let member = members[index]
        let point = random.next(below: weightSum - Int(member.weight))
        let isBefore = point < Int(member.weightEnd - member.weight)
        return self.member(at: isBefore ? point : point + Int(member.weight))
    }

    /// The member whose stretch of the sum of weights holds the point.
    private func member(at point: Int) -> Int {
        var low = 0
        var high = members.count - 1
        while low < high {
            let middle = (low + high) / 2
            if point < Int(members[middle].weightEnd) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The member itself if it was not tried, or the next one that was not, or itself.
    mutating func untried(from index: Int, _ tried: TriedReplicas) -> Int {
        firstUntried(in: index..<members.count, tried) ?? firstUntried(in: 0..<index, tried)
            ?? index
    }
}
