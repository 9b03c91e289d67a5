/// Which entry of a split each of 10,000 slots belongs to, so that a client with a slot stays where
/// it is while weights change.
///
/// Each entry has its share of the slots, exact to one. A change of weights moves the fewest slots
/// that this takes: an entry with too many gives, one with too few takes, and nobody does both. So
/// raising one weight takes no slot from its entry, and lowering it gives it none.
public struct StickyTable: Sendable, Equatable {
    /// A stretch of slots in a row with the same entry; nil: nobody's yet.
    public struct Run: Sendable, Equatable {
        public var entry: Int?
        public var count: Int

        public init(entry: Int?, count: Int) {
            self.entry = entry
            self.count = count
        }
    }

    public static let slots = 10_000
    static let nobody = UInt8.max

    /// By slot.
    private(set) var owners: [UInt8]

    /// A table without a history.
    ///
    /// - Parameter weights: of the entries of a split.
    public init(weights: [Int]) {
        owners = Array(repeating: StickyTable.nobody, count: StickyTable.slots)
        move(to: weights)
    }

    /// A table as it was saved, before `move(to:)`. What does not fit is nobody's.
    ///
    /// - Parameter runs: from slot 0 on; slots that are missing are nobody's, those too many are
    ///   left out.
    public init(runs: [Run]) {
        owners = []
        for run in runs {
            let count = min(max(0, run.count), StickyTable.slots - owners.count)
            let isEntry = run.entry.map { 0..<SplitSchedule.entriesMaximum ~= $0 } ?? false
            let owner = isEntry ? UInt8(run.entry ?? 0) : StickyTable.nobody
            owners += Array(repeating: owner, count: count)
        }
        let missing = StickyTable.slots - owners.count
        owners += Array(repeating: StickyTable.nobody, count: missing)
    }

    /// All slots from the first on; what is saved.
    public var runs: [Run] {
        owners.reduce(into: []) { runs, owner in
            let entry = owner == StickyTable.nobody ? nil : Int(owner)
            if runs.last?.entry == entry, !runs.isEmpty {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(entry: entry, count: 1))
            }
        }
    }

    /// The entry that the slot belongs to; nil for a slot that does not exist or is nobody's.
    public func entry(of slot: Int) -> Int? {
        guard owners.indices.contains(slot), owners[slot] != StickyTable.nobody else { return nil }
        return Int(owners[slot])
    }

    /// The slot of a hash.
    public static func slot(ofHash hash: UInt64) -> Int {
        Int(hash.multipliedFullWidth(by: UInt64(slots)).high)
    }

    /// A copy with memory of its own.
    func deepCopy() -> StickyTable {
        var copy = self
        copy.owners = owners.map { $0 }
        return copy
    }

    /// The slots of an entry, in order.
    func slots(of entry: Int) -> [Int] { owners.indices.filter { Int(owners[$0]) == entry } }

    /// Gives every entry another number, as when the file names its pools in another order.
    ///
    /// - Parameter number: the new one by the old one; nil: the entry is no more, and its slots are
    ///   nobody's until `move(to:)`.
    public mutating func renumber(_ number: (Int) -> Int?) {
        for slot in owners.indices where owners[slot] != StickyTable.nobody {
            owners[slot] = number(Int(owners[slot])).map(UInt8.init) ?? StickyTable.nobody
        }
    }

    /// Moves the fewest slots that give each entry its share.
    ///
    /// Two neighbours give and take from opposite ends, so that with two entries the table is the
    /// same whatever the history.
    public mutating func move(to weights: [Int]) {
        let shares = StickyTable.shares(weights)
        var counts = shares.map { _ in 0 }
        for slot in owners.indices {
            let owner = Int(owners[slot])
            if owner < shares.count { counts[owner] += 1 } else { owners[slot] = .max }
        }
        for entry in shares.indices where counts[entry] > shares[entry] {
            pass(counts[entry] - shares[entry], from: UInt8(entry), to: StickyTable.nobody, entry)
        }
        for entry in shares.indices where counts[entry] < shares[entry] {
            pass(
                shares[entry] - counts[entry], from: StickyTable.nobody, to: UInt8(entry),
                entry + 1)
        }
    }

    /// Gives so many slots of one owner to another: from the low end if `side` is even.
    private mutating func pass(_ count: Int, from: UInt8, to: UInt8, _ side: Int) {
        var left = count
        let last = owners.count - 1
        for step in owners.indices where left > 0 {
            let slot = side.isMultiple(of: 2) ? step : last - step
            guard owners[slot] == from else { continue }
            owners[slot] = to
            left -= 1
        }
    }

    /// Slots by largest remainder: each entry's exact share, rounded down or up.
    static func shares(_ weights: [Int]) -> [Int] {
        let weights = weights.map { min(max($0, 0), SplitSchedule.weightMaximum) }
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return weights.map { _ in 0 } }
        var shares = weights.map { $0 * slots / sum }
        let rest = slots - shares.reduce(0, +)
        let byRemainder = weights.indices.sorted {
            let (left, right) = (weights[$0] * slots % sum, weights[$1] * slots % sum)
            return left != right ? left > right : $0 < $1
        }
        for entry in byRemainder.prefix(rest) { shares[entry] += 1 }
        return shares
    }
}
