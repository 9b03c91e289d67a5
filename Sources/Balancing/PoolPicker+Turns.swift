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

    /// It changes nothing, and is `mutating` since Swift 6.3 copies the picker for one that is not.
    mutating func firstUntried(in range: Range<Int>, _ tried: TriedReplicas) -> Int? {
        for index in range where !tried.contains(Int(members[index].row)) { return index }
        return nil
    }
}
