internal import Balancing
internal import Transport

/// Replicas that take only so many requests at once: more wait for them, as in a hold.
extension Worker {
    /// The position of the replica that was chosen, or, while that one is full, of the one that has
    /// the most room; nil if none has any.
    mutating func withRoom(_ choice: Int, in pool: Ref<UpstreamPool>) -> Int? {
        if room(of: choice, in: pool) > 0 { return choice }
        var best: (position: Int, room: Int)?
        for position in pool.its.replicas.indices where isUsable(position, in: pool) {
            let room = room(of: position, in: pool)
            if room > best?.room ?? 0 { best = (position, room) }
        }
        return best?.position
    }

    /// Whether one more request may go to some replica.
    mutating func hasRoom(_ pool: Ref<UpstreamPool>) -> Bool {
        guard pool.its.inFlightMaximum > 0 else { return true }
        for position in pool.its.replicas.indices
        where isUsable(position, in: pool) && room(of: position, in: pool) > 0 {
            return true
        }
        return false
    }

    private mutating func room(of position: Int, in pool: Ref<UpstreamPool>) -> Int {
        let row = pool.its.replicas[position].its.row
        return pool.its.inFlightMaximum - links.board.inFlight(replicaRow: row)
    }

    private mutating func isUsable(_ position: Int, in pool: Ref<UpstreamPool>) -> Bool {
        let usable: Replica.Availability = pool.its.picker.hasReady ? .ready : .lastResort
        return pool.its.pool.replicas[position].availability == usable
    }
}
