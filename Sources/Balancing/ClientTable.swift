internal import Glibc
internal import Synchronization

/// How many connections each client has open at each listener, over all workers.
///
/// The table has a fixed size. A client is in one of a few places, which others may hold: while all
/// of these are taken by clients that are connected, it is not counted at all, so that nobody is
/// refused for another's sake.
@safe
public final class ClientTable: @unchecked Sendable {
    /// What came of asking for one more connection.
    public enum Verdict: Sendable, Equatable {
        /// It counts from now on, until `leave`.
        case counted
        /// The client has as many as it may.
        case refused
        /// There is no place for the client; `leave` must not be called.
        case uncounted
    }

    /// Places that a client may have; they share a cache line.
    private static let ways = 8
    /// The low bits of a place are a count, the others the client's; 0: nobody's.
    private static let countBits: UInt64 = 20
    private static let countMask: UInt64 = 1 << countBits - 1
    /// The most connections of one client that can be counted.
    public static let connectionsMaximum = Int(countMask) - 1

    private let sets: Int
    private let places: UnsafeMutablePointer<Atomic<UInt64>>

    /// - Parameter clientsMaximum: connected at a time; rounded up to a power of two.
    public init(clientsMaximum: Int = 65_536) {
        var sets = 1
        while sets * ClientTable.ways < clientsMaximum { sets *= 2 }
        self.sets = sets
        // Fresh pages are zero and cost nothing until touched.
        guard
            let memory = unsafe mmap(
                nil, sets * ClientTable.ways * 8, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            fatalError("no memory to count the connections of \(clientsMaximum) clients")
        }
        unsafe places = memory.bindMemory(
            to: Atomic<UInt64>.self, capacity: sets * ClientTable.ways)
    }

    deinit { _ = unsafe munmap(places, sets * ClientTable.ways * 8) }

    /// Counts one more connection of the client if it has fewer than `maximum`; any thread, without
    /// a lock.
    ///
    /// - Parameter client: a hash of who it is, and at which listener; nobody can foretell it.
    public func enter(client: UInt64, maximum: Int) -> Verdict {
        while true {
            let found = look(for: client)
            guard found.sum < maximum else { return .refused }
            guard let place = found.own ?? found.free else { return .uncounted }
            let next =
                found.own == nil
                ? client & ~ClientTable.countMask | 1 : found.seen + 1
            // Another worker was faster: what it did counts first.
            if exchange(place, from: found.seen, to: next) { return .counted }
        }
    }

    /// One connection less of a client that was counted.
    public func leave(client: UInt64) {
        while true {
            let found = look(for: client)
            guard let place = found.own else { continue }
            let isLast = found.seen & ClientTable.countMask == 1
            if exchange(place, from: found.seen, to: isLast ? 0 : found.seen - 1) { return }
        }
    }

    /// How many connections the client has; any thread.
    public func connections(of client: UInt64) -> Int { look(for: client).sum }

    private struct Finding {
        /// A place of the client's, or else one that is nobody's.
        var own: Int?
        var free: Int?
        /// What is in that place.
        var seen: UInt64 = 0
        /// Two workers may have made a place each for it at the same moment: both count.
        var sum = 0
    }

    private func look(for client: UInt64) -> Finding {
        var found = Finding()
        let start = Int(truncatingIfNeeded: client) & (sets - 1)
        for index in start * ClientTable.ways..<(start + 1) * ClientTable.ways {
            let value = unsafe places[index].load(ordering: .relaxed)
            if value == 0 {
                if found.free == nil { found.free = index }
            } else if (value ^ client) & ~ClientTable.countMask == 0 {
                found.sum += Int(value & ClientTable.countMask)
                if found.own == nil { (found.own, found.seen) = (index, value) }
            }
        }
        return found
    }

    private func exchange(_ place: Int, from seen: UInt64, to next: UInt64) -> Bool {
        unsafe places[place].compareExchange(
            expected: seen, desired: next, ordering: .relaxed
        ).exchanged
    }
}
