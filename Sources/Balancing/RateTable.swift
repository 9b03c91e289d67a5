internal import Glibc
internal import Synchronization

/// How much of their allowances the clients of all rate limits have used up, over all workers.
///
/// Each has one number, the time at which its allowance will be whole again (the virtual scheduling
/// form of the token bucket, ITU-T I.371 annex A), so that nothing has to be refilled. The table
/// has a fixed size: a client that finds no place takes that of the one nearest to whole, which so
/// may get a little more than its share; nobody is refused for another's sake.
@safe
public final class RateTable: @unchecked Sendable {
    /// Places that a client may have; they share two cache lines.
    private static let ways = 8
    private let sets: Int
    /// A client's hash, and the time; both zero where nobody is.
    private let cells: UnsafeMutablePointer<Atomic<WordPair>>
    private let byteCount: Int

    /// - Parameter clientsMaximum: remembered at a time; rounded up to a power of two.
    public init(clientsMaximum: Int = 65_536) {
        var sets = 1
        while sets * RateTable.ways < clientsMaximum { sets *= 2 }
        self.sets = sets
        byteCount = sets * RateTable.ways * MemoryLayout<Atomic<WordPair>>.stride
        // Fresh pages are zero and cost nothing until touched.
        guard
            let memory = unsafe mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            fatalError("no memory for the rates of \(clientsMaximum) clients")
        }
        unsafe cells = memory.bindMemory(
            to: Atomic<WordPair>.self, capacity: sets * RateTable.ways)
    }

    deinit { _ = unsafe munmap(cells, byteCount) }

    /// Judges one request and counts it if it is admitted; any thread, without a lock.
    ///
    /// - Parameters:
    ///   - client: a hash of whose request it is and by which limit.
    ///   - now: monotonic nanoseconds, never zero.
    public func admit(client: UInt64, _ limit: RateLimit, now: Int64) -> RateVerdict {
        let interval = limit.intervalNanoseconds
        let tolerance = interval.multipliedReportingOverflow(by: Int64(max(1, limit.burst)))
        let room = tolerance.overflow ? Int64.max / 2 : tolerance.partialValue
        while true {
            let place = place(of: client, now: now)
            let cell = unsafe cells + place.index
            let known = place.seen.first == UInt(truncatingIfNeeded: client)
            let whole = known ? max(Int64(bitPattern: UInt64(place.seen.second)), now) : now
            let next = whole + interval
            guard next - now <= room else {
                return .refused(retryAfterNanoseconds: next - now - room)
            }
            let mine = WordPair(
                first: UInt(truncatingIfNeeded: client), second: UInt(bitPattern: Int(next)))
            // Another worker was faster: its request counts first.
            let result = unsafe cell.pointee.compareExchange(
                expected: place.seen, desired: mine, ordering: .relaxed)
            if result.exchanged { return .admitted }
        }
    }

    /// Where the client is, or else whom it replaces: the one whose allowance is whole soonest.
    private func place(of client: UInt64, now: Int64) -> (index: Int, seen: WordPair) {
        let first = Int(truncatingIfNeeded: client >> 32) & (sets - 1)
        let start = first * RateTable.ways
        var best = start
        var bestSeen = unsafe cells[start].load(ordering: .relaxed)
        for index in start..<start + RateTable.ways {
            let seen = unsafe cells[index].load(ordering: .relaxed)
            if seen.first == UInt(truncatingIfNeeded: client) { return (index, seen) }
            if seen.second < bestSeen.second { (best, bestSeen) = (index, seen) }
        }
        return (best, bestSeen)
    }
}
