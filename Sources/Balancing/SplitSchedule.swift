/// Whose turn each ticket of a split is: weights laid out as one cycle of turns, evenly spread.
///
/// Tickets count up without end and the cycle repeats, so any `cycle` tickets in a row hold exactly
/// as many turns of each pool as its reduced weight says.
public struct SplitSchedule: Sendable {
    /// A pool of the split and its share.
    public struct Entry: Sendable, Equatable {
        /// Position in the pools of the same snapshot.
        public var pool: Int
        /// Relative to the other weights, 0 to `weightMaximum`; 0 is no share.
        public var weight: Int

        public init(pool: Int, weight: Int) {
            self.pool = pool
            self.weight = weight
        }
    }

    /// The most pools in one split: the bits of an availability mask.
    public static let entriesMaximum = 64
    public static let weightMaximum = 1_000_000
    /// The longest cycle; shares finer than one in so many are rounded, but never down to nothing.
    public static let cycleMaximum = 10_000

    public let entries: [Entry]
    /// Positions in `entries`, turn after turn.
    private let turns: [UInt8]
    /// For each entry the places of its turns in the cycle, one entry after the other.
    private let places: [Int32]
    /// Where in `places` each entry begins, and where the last one ends.
    private let firstPlaces: [Int]

    /// - Parameter entries: at most `entriesMaximum`. Weights outside of their range are taken for
    ///   the nearest in it; the configuration and the API refuse them before.
    public init(_ entries: [Entry]) {
        precondition(entries.count <= SplitSchedule.entriesMaximum, "too many pools in a split")
        self.entries = entries
        let weights = SplitSchedule.reduced(entries.map(\.weight))
        let turns = SplitSchedule.spread(weights)
        self.turns = turns
        firstPlaces = weights.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        places = entries.indices.flatMap { entry in
            turns.indices.filter { Int(turns[$0]) == entry }.map(Int32.init)
        }
    }

    private init(copying other: SplitSchedule) {
        entries = other.entries.map { $0 }
        turns = other.turns.map { $0 }
        places = other.places.map { $0 }
        firstPlaces = other.firstPlaces.map { $0 }
    }

    /// The number of turns after which all repeats; zero if no pool has a share.
    public var cycle: Int { turns.count }

    /// The pool whose turn the ticket is; nil if no pool has a share.
    public func pool(at ticket: UInt64) -> Int? { entry(at: ticket).map { entries[$0].pool } }

    /// The same among pools that have something ready: one that has nothing yields its turn to the
    /// pool whose turn comes next.
    ///
    /// - Parameter available: one bit per position in `entries`.
    /// - Returns: nil if no pool with a share is available.
    public func pool(at ticket: UInt64, available: UInt64) -> Int? {
        entry(at: ticket, available: available).map { entries[$0].pool }
    }

    /// The position in `entries` of the pool whose turn the ticket is.
    func entry(at ticket: UInt64) -> Int? {
        turns.isEmpty ? nil : Int(turns[place(of: ticket)])
    }

    /// The same among those available.
    func entry(at ticket: UInt64, available: UInt64) -> Int? {
        guard !turns.isEmpty else { return nil }
        let place = place(of: ticket)
        let due = Int(turns[place])
        if available & (1 << UInt64(due)) != 0 { return due }
        var nearest: (distance: Int, entry: Int)?
        for entry in entries.indices where available & (1 << UInt64(entry)) != 0 {
            guard let distance = distance(from: place, to: entry) else { continue }
            if distance < nearest?.distance ?? .max { nearest = (distance, entry) }
        }
        return nearest?.entry
    }

    /// How many turns the entry has had before the ticket.
    func turn(of entry: Int, at ticket: UInt64) -> UInt64 {
        guard !turns.isEmpty else { return 0 }
        let own = firstPlaces[entry + 1] - firstPlaces[entry]
        let inThisCycle = firstTurn(of: entry, from: place(of: ticket)) - firstPlaces[entry]
        return ticket / UInt64(turns.count) &* UInt64(own) &+ UInt64(inThisCycle)
    }

    private func place(of ticket: UInt64) -> Int { Int(ticket % UInt64(turns.count)) }

    /// How many turns until the entry's next one; nil if it never has any.
    private func distance(from place: Int, to entry: Int) -> Int? {
        let first = firstPlaces[entry]
        guard first < firstPlaces[entry + 1] else { return nil }
        let next = firstTurn(of: entry, from: place)
        let isInThisCycle = next < firstPlaces[entry + 1]
        return isInThisCycle
            ? Int(places[next]) - place : Int(places[first]) + cycle - place
    }

    /// Where in `places` the entry's first turn at or after `place` is; behind its last if none is.
    private func firstTurn(of entry: Int, from place: Int) -> Int {
        var low = firstPlaces[entry]
        var high = firstPlaces[entry + 1]
        while low < high {
            let middle = (low + high) / 2
            if Int(places[middle]) < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SplitSchedule {
    /// A copy with memory of its own.
    func deepCopy() -> SplitSchedule { SplitSchedule(copying: self) }

    /// The same shares in the smallest numbers, their sum at most `cycleMaximum`.
    private static func reduced(_ weights: [Int]) -> [Int] {
        var weights = weights.map { min(max($0, 0), weightMaximum) }
        weights = divided(weights)
        let sum = weights.reduce(0, +)
        guard sum > cycleMaximum else { return weights }
        // Room is kept for those that are rounded up to one.
        let target = cycleMaximum - weights.count
        return divided(weights.map { $0 == 0 ? 0 : max(1, $0 * target / sum) })
    }

    private static func divided(_ weights: [Int]) -> [Int] {
        let divisor = weights.reduce(0, greatestCommonDivisor)
        return divisor > 1 ? weights.map { $0 / divisor } : weights
    }

    static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }

    /// Smooth weighted turns: each turn everyone earns its weight, and the richest pays the sum.
    private static func spread(_ weights: [Int]) -> [UInt8] {
        let sum = weights.reduce(0, +)
        var credit = weights.map { _ in 0 }
        return (0..<sum).map { _ in
            var richest = 0
            for index in weights.indices {
                credit[index] += weights[index]
                if credit[index] > credit[richest] { richest = index }
            }
            credit[richest] -= sum
            return UInt8(richest)
        }
    }
}
