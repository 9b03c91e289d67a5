extension PoolPicker {
    /// The better of two different random members, drawn by weight: the one whose answers take
    /// less, times what it has in flight with this request, for its weight.
    ///
    /// What is known about a member loses its weight while nobody asks it, so that one that was
    /// slow gets a request again after a while, and more once it is not slow any more.
    mutating func leastLatency(_ board: LoadBoard, _ tried: TriedReplicas, _ now: UInt64) -> Int {
        let first = untried(from: draw(), tried)
        guard members.count > 1 else { return first }
        let second = untried(from: draw(except: first), tried)
        let left = expectedWait(first, board, now) * Double(members[second].weight)
        let right = expectedWait(second, board, now) * Double(members[first].weight)
        return right < left ? second : first
    }

    private func expectedWait(_ index: Int, _ board: LoadBoard, _ now: UInt64) -> Double {
        let inFlight = board.inFlight(replicaRow: Int(members[index].row))
        return latency(of: index, now) * Double(inFlight + 1)
    }
}
