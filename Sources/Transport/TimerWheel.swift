/// Deadlines of many connections, cheap to move and lazy to look.
///
/// Moving a deadline later, which is what nearly every request does, is one store: the timer stays
/// in its old bucket and is put into the right one when that bucket comes round. Only moving it
/// earlier relinks it. Buckets are 4 ms wide; deadlines past one turn of the wheel stay linked in
/// the bucket before the hand and come round again.
///
/// Used by one thread. A timer names its owner by a token, as an event of the poller does.
public struct TimerWheel: ~Copyable {
    /// A timer of this wheel, valid from `make` to `free`.
    public struct Timer: Equatable, Sendable {
        @usableFromInline let index: Int32

        @inlinable
        init(index: Int32) { self.index = index }

        /// No timer.
        @inlinable public static var none: Timer { Timer(index: -1) }
    }

    private struct Node {
        var owner: UInt64 = 0
        /// When it is due, in ticks; `never` when it is not armed.
        var deadline: UInt64 = .max
        /// The tick at whose bucket it is linked; `never` when it is in none.
        var linkedAt: UInt64 = .max
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    /// The nodes by their index. Memory of its own, since an array asks at each change whether it
    /// is shared, and half a dozen timers change with each request.
    @safe
    private struct NodeTable: ~Copyable {
        private var memory = UnsafeMutablePointer<Node>.allocate(capacity: 64)
        private var capacity = 64
        private(set) var count = 0

        deinit { unsafe memory.deallocate() }

        subscript(index: Int) -> Node {
            @inline(__always)
            unsafeAddress {
                precondition(index >= 0 && index < count, "no such timer")
                return unsafe UnsafePointer(memory + index)
            }
            @inline(__always)
            unsafeMutableAddress {
                precondition(index >= 0 && index < count, "no such timer")
                return unsafe memory + index
            }
        }

        mutating func append(_ node: Node) -> Int32 {
            if count == capacity {
                let larger = UnsafeMutablePointer<Node>.allocate(capacity: 2 * capacity)
                unsafe larger.moveInitialize(from: memory, count: count)
                unsafe memory.deallocate()
                unsafe memory = larger
                capacity *= 2
            }
            unsafe (memory + count).initialize(to: node)
            count += 1
            return Int32(count - 1)
        }
    }

    private static let never = UInt64.max
    private static let bucketCount = 8192
    private static let tickNanoseconds: UInt64 = 4_000_000

    private var nodes = NodeTable()
    private var unused: [Int32] = []
    private var heads = [Int32](repeating: -1, count: bucketCount)
    /// One bit per bucket that holds a timer.
    private var occupied = [UInt64](repeating: 0, count: bucketCount / 64)
    /// All buckets before this tick have been looked at.
    private var hand: UInt64
    private var linkedCount = 0

    public init(now: Instant) {
        hand = now.nanoseconds / TimerWheel.tickNanoseconds
    }

    /// A timer that is not armed yet. `owner` comes back from `popDue`.
    public mutating func make(owner: UInt64) -> Timer {
        if let index = unused.popLast() {
            nodes[Int(index)] = Node(owner: owner)
            return Timer(index: index)
        }
        return Timer(index: nodes.append(Node(owner: owner)))
    }

    /// Disarms the timer and forgets it.
    public mutating func free(_ timer: Timer) {
        unlink(timer.index)
        nodes[Int(timer.index)].deadline = TimerWheel.never
        unused.append(timer.index)
    }

    /// The timer will be due at `deadline`, whatever it was set to before. Never early, and late by
    /// at most one bucket plus the time the loop takes to come round.
    public mutating func set(_ timer: Timer, at deadline: Instant) {
        let tick =
            (deadline.nanoseconds &+ TimerWheel.tickNanoseconds &- 1) / TimerWheel.tickNanoseconds
        let index = Int(timer.index)
        nodes[index].deadline = tick
        if tick < nodes[index].linkedAt {
            unlink(timer.index)
            link(timer.index)
        }
    }

    /// The timer will not be due until set again. As lazy as moving it later.
    public mutating func cancel(_ timer: Timer) {
        nodes[Int(timer.index)].deadline = TimerWheel.never
    }

    /// The owner of one timer that is due at `now`, disarmed; nil when there is none left.
    public mutating func popDue(now: Instant) -> UInt64? {
        let tick = now.nanoseconds / TimerWheel.tickNanoseconds
        while true {
            guard linkedCount > 0 else {
                hand = tick
                return nil
            }
            while let index = firstInBucket(of: hand) {
                unlink(index)
                let deadline = nodes[Int(index)].deadline
                if deadline <= tick {
                    nodes[Int(index)].deadline = TimerWheel.never
                    return nodes[Int(index)].owner
                }
                if deadline != TimerWheel.never { link(index) }
            }
            guard hand < tick else { return nil }
            hand = min(tick, nextOccupied(after: hand))
        }
    }

    /// Milliseconds until the loop must look again; -1 (for ever) when nothing is armed.
    public func millisecondsUntilNext(now: Instant) -> Int32 {
        guard linkedCount > 0 else { return -1 }
        let next =
            heads[Int(hand % UInt64(TimerWheel.bucketCount))] >= 0
            ? hand : nextOccupied(after: hand)
        let at = next &* TimerWheel.tickNanoseconds
        guard at > now.nanoseconds else { return 0 }
        return Int32(min(60_000, (at - now.nanoseconds + 999_999) / 1_000_000))
    }

    private func firstInBucket(of tick: UInt64) -> Int32? {
        let index = heads[Int(tick % UInt64(TimerWheel.bucketCount))]
        guard index >= 0 else { return nil }
        // A bucket at the hand only ever holds timers linked for this very tick: a later turn of
        // the wheel is linked at most one bucket before the hand.
        return index
    }

    private func nextOccupied(after tick: UInt64) -> UInt64 {
        let count = UInt64(TimerWheel.bucketCount)
        var candidate = tick &+ 1
        let last = tick &+ count
        while candidate < last {
            let bucket = candidate % count
            let word = occupied[Int(bucket / 64)] >> (bucket % 64)
            if word != 0 { return candidate &+ UInt64(word.trailingZeroBitCount) }
            candidate = candidate &+ (64 &- bucket % 64)
        }
        return last
    }

    private mutating func link(_ index: Int32) {
        let latest = hand &+ UInt64(TimerWheel.bucketCount) &- 1
        let tick = min(max(nodes[Int(index)].deadline, hand), latest)
        let bucket = Int(tick % UInt64(TimerWheel.bucketCount))
        let head = heads[bucket]
        nodes[Int(index)].linkedAt = tick
        nodes[Int(index)].previous = -1
        nodes[Int(index)].next = head
        if head >= 0 { nodes[Int(head)].previous = index }
        heads[bucket] = index
        occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
        linkedCount += 1
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        guard node.linkedAt != TimerWheel.never else { return }
        let bucket = Int(node.linkedAt % UInt64(TimerWheel.bucketCount))
        if node.previous >= 0 {
            nodes[Int(node.previous)].next = node.next
        } else {
            heads[bucket] = node.next
            if node.next < 0 { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        }
        if node.next >= 0 { nodes[Int(node.next)].previous = node.previous }
        nodes[Int(index)].linkedAt = TimerWheel.never
        linkedCount -= 1
    }
}
