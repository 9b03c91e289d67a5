extension PoolPicker {
    /// The next in turn. Everybody has one turn in each round.
    ///
    /// Whoever is passed over because the request has tried it keeps its turn: another one of this
    /// round goes first, or, if there is none left, one of the next round.
    mutating func nextTurn(_ tried: TriedReplicas) -> Int {
        while served == members.count { (served, servedAhead) = (servedAhead, 0) }
        if let index = firstUntried(in: served..<members.count, tried) {
            members.swapAt(index, served)
            served += 1
            return served - 1
        }
        if let index = firstUntried(in: servedAhead..<served, tried) {
            members.swapAt(index, servedAhead)
            servedAhead += 1
            return servedAhead - 1
        }
        return firstUntried(in: 0..<servedAhead, tried) ?? served
    }

    /// Smooth weighted turns: each time everyone earns its weight, and the richest that may be used
    /// pays the sum. Exact over any window of the sum of weights.
    mutating func nextWeightedTurn(_ tried: TriedReplicas) -> Int {
        var richest = -1
        var richestUntried = -1
        for index in members.indices {
            members[index].credit &+= members[index].weight
            let credit = members[index].credit
            if richest < 0 || credit > members[richest].credit { richest = index }
            guard !tried.contains(Int(members[index].row)) else { continue }
            if richestUntried < 0 || credit > members[richestUntried].credit {
                richestUntried = index
            }
        }
        let chosen = richestUntried >= 0 ? richestUntried : richest
        members[chosen].credit &-= Int32(weightSum)
        return chosen
    }

    func firstUntried(in range: Range<Int>, _ tried: TriedReplicas) -> Int? {
        for index in range where !tried.contains(Int(members[index].row)) { return index }
        return nil
    }
}
