/// The members of one weight, the richest first: a ring within `PoolPicker.turnOrder`.
///
/// They all earn alike, so whoever pays goes to the end, and only the first of each weight need be
/// looked at to find the richest of all.
struct TurnGroup: BitwiseCopyable, Sendable {
    var weight: Int
    var start: Int
    var count: Int
    /// How far behind `start` the richest is.
    var head = 0

    /// Where in `turnOrder` the member is that has so many richer ones before it.
    func place(_ offset: Int) -> Int {
        let place = head + offset
        return start + (place < count ? place : place - count)
    }
}

extension PoolPicker {
    /// Smooth weighted turns: each time everyone earns its weight, and the richest that may be used
    /// pays the sum. Exact over any window of the sum of weights.
    ///
    /// - Complexity: O(different weights), plus the replicas that the request has tried.
    mutating func nextWeightedTurn(_ tried: TriedReplicas) -> Int {
        weightedTurns += 1
        var best = (group: -1, offset: 0, credit: 0)
        for group in turnGroups.indices {
            guard let offset = firstUntried(in: turnGroups[group], tried) else { continue }
            let credit = earned(by: turnGroups[group], at: offset)
            if best.group < 0 || credit > best.credit { best = (group, offset, credit) }
        }
        if best.group < 0 {
            // All were tried: the richest of all, which is the first of its weight.
            for group in turnGroups.indices {
                let credit = earned(by: turnGroups[group], at: 0)
                if best.group < 0 || credit > best.credit { best = (group, 0, credit) }
            }
        }
        return pay(turnGroups[best.group], best.group, offset: best.offset)
    }

    private func firstUntried(in group: TurnGroup, _ tried: TriedReplicas) -> Int? {
        for offset in 0..<group.count {
            let member = Int(turnOrder[group.place(offset)])
            if !tried.contains(Int(members[member].row)) { return offset }
        }
        return nil
    }

    private func earned(by group: TurnGroup, at offset: Int) -> Int {
        members[Int(turnOrder[group.place(offset)])].credit + group.weight * weightedTurns
    }

    /// Takes the sum from the member at `offset`, and puts it behind all that are richer.
    private mutating func pay(_ group: TurnGroup, _ number: Int, offset: Int) -> Int {
        let member = turnOrder[group.place(offset)]
        for place in stride(from: offset, to: 0, by: -1) {
            turnOrder[group.place(place)] = turnOrder[group.place(place - 1)]
        }
        members[Int(member)].credit -= weightSum
        var group = group
        group.head = group.head + 1 == group.count ? 0 : group.head + 1
        turnGroups[number] = group
        var place = group.count - 1
        let credit = members[Int(member)].credit
        while place > 0, members[Int(turnOrder[group.place(place - 1)])].credit < credit {
            turnOrder[group.place(place)] = turnOrder[group.place(place - 1)]
            place -= 1
        }
        turnOrder[group.place(place)] = member
        return Int(member)
    }

    /// Adds up what everyone has earned by the turns so far, before weights change.
    mutating func settleTurns() {
        guard weightedTurns > 0 else { return }
        for index in members.indices {
            members[index].credit += Int(members[index].weight) * weightedTurns
        }
        weightedTurns = 0
    }

    /// Sorts the members into their weights, where a policy goes by them.
    mutating func arrangeTurns(areTaken: Bool) {
        turnGroups.removeAll(keepingCapacity: true)
        turnOrder.removeAll(keepingCapacity: true)
        guard areTaken else { return }
        let ordered = members.indices.sorted { left, right in
            let (one, other) = (members[left], members[right])
            return (-one.weight, -one.credit, left) < (-other.weight, -other.credit, right)
        }
        for index in ordered {
            let weight = Int(members[index].weight)
            if turnGroups.last?.weight == weight {
                turnGroups[turnGroups.count - 1].count += 1
            } else {
                turnGroups.append(TurnGroup(weight: weight, start: turnOrder.count, count: 1))
            }
            turnOrder.append(Int32(index))
        }
    }
}
