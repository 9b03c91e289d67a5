internal import Balancing

/// The requests of one pool that wait, in the order in which they came, and how many of those that
/// have waited are with a replica now.
///
/// Nobody passes anybody: who comes while others wait goes to the end, and who comes back from a
/// replica that failed takes the place that it had. Those released are few at a time, so that what
/// has gathered during an outage does not fall upon the first replica that is back.
struct HoldQueue {
    private(set) var first: Ref<Exchange>?
    private(set) var last: Ref<Exchange>?
    private(set) var count = 0
    /// Of the buffers that those waiting hold.
    private(set) var bytes = 0
    /// How many were released whose response has not begun.
    private(set) var releasedCount = 0

    var isEmpty: Bool { count == 0 }

    /// Whether it may be given to a replica: nobody waits that came before.
    func isTurn(of exchange: Ref<Exchange>) -> Bool {
        guard let first else { return true }
        return exchange.its.place < first.its.place
    }

    /// Whether one more may wait. Those released may come back, so their places are kept.
    func hasRoom(bytes more: Int, _ settings: PoolSettings) -> Bool {
        count + releasedCount < settings.holdRequestsMaximum
            && bytes + more <= settings.holdBytesMaximum
    }

    /// Who is next, if another one may go to `replicas` usable ones.
    func next(replicas: Int, _ settings: PoolSettings) -> Ref<Exchange>? {
        releasedCount < settings.holdReleaseMaximum * replicas ? first : nil
    }

    /// Puts it behind all that came before it. Nearly always that is the end, or the beginning.
    mutating func insert(_ exchange: Ref<Exchange>) {
        var before = last
        if let first, exchange.its.place < first.its.place { before = nil }
        while let other = before, other.its.place > exchange.its.place {
            before = other.its.previousHeld
        }
        let after = before == nil ? first : before?.its.nextHeld
        exchange.its.isHeld = true
        exchange.its.previousHeld = before
        exchange.its.nextHeld = after
        if let before { before.its.nextHeld = exchange } else { first = exchange }
        if let after { after.its.previousHeld = exchange } else { last = exchange }
        count += 1
        bytes += exchange.its.heldBytes
    }

    mutating func remove(_ exchange: Ref<Exchange>) {
        let previous = exchange.its.previousHeld
        let next = exchange.its.nextHeld
        if let previous { previous.its.nextHeld = next } else { first = next }
        if let next { next.its.previousHeld = previous } else { last = previous }
        exchange.its.isHeld = false
        exchange.its.previousHeld = nil
        exchange.its.nextHeld = nil
        count -= 1
        bytes -= exchange.its.heldBytes
    }

    /// One that waits holds more than it did.
    mutating func grow(_ exchange: Ref<Exchange>, by more: Int) {
        exchange.its.heldBytes += more
        bytes += more
    }

    /// It goes to a replica, out of the queue.
    mutating func noteReleased(_ exchange: Ref<Exchange>) {
        exchange.its.isReleased = true
        releasedCount += 1
    }

    /// Its response has begun, it has come back, or it is over: another one may go.
    mutating func noteReleaseEnd(_ exchange: Ref<Exchange>) {
        exchange.its.isReleased = false
        releasedCount -= 1
    }
}
