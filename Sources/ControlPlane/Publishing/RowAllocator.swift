/// Small numbers for things that come and go: each is a row of the counter tables while its thing
/// exists, and free for another only when no worker can know it any more.
struct RowAllocator {
    let rowsMaximum: Int
    private var nextFresh = 0
    private var free: [Int] = []
    private var retired: [(row: Int, generation: UInt64)] = []

    init(rowsMaximum: Int) { self.rowsMaximum = rowsMaximum }

    /// Rows given out and not free yet.
    var inUse: Int { nextFresh - free.count }

    /// A row whose counters are zero; nil when all are in use.
    mutating func allocate() -> Int? {
        if let row = free.popLast() { return row }
        guard nextFresh < rowsMaximum else { return nil }
        nextFresh += 1
        return nextFresh - 1
    }

    /// The thing is gone.
    ///
    /// - Parameter generation: of the first snapshot without it.
    mutating func retire(_ row: Int, since generation: UInt64) {
        retired.append((row, generation))
    }

    /// Frees the retired rows that all workers have dropped and that `isQuiet` allows; the caller
    /// clears their counters.
    ///
    /// - Parameters:
    ///   - adopted: the oldest generation that any worker works by.
    ///   - isQuiet: false while a worker still ends work that it counts in the row.
    /// - Returns: the rows freed.
    mutating func reclaim(adopted: UInt64, isQuiet: (Int) -> Bool) -> [Int] {
        let ready = retired.filter { $0.generation <= adopted && isQuiet($0.row) }.map(\.row)
        retired.removeAll { ready.contains($0.row) }
        free.append(contentsOf: ready)
        return ready
    }
}
