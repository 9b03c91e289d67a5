internal import Balancing

/// One split of the running configuration, with its weights of now.
struct RunningSplit {
    let row: Int
    private(set) var configuration: SplitConfiguration
    /// In the order of the file. They differ from the file's after `weir shift`.
    private(set) var weights: [(pool: String, weight: Int)]
    /// Which slots belong to which of them, whether clients have slots now or not.
    private(set) var table: StickyTable
    /// Whose turn it is; a new one with each change of weights.
    private(set) var ticket = SplitTicket()
    /// How many turns were given before `ticket`.
    private(set) var turnsBefore: UInt64 = 0

    /// What a weight may be.
    static let weightRange = 0...10_000

    init(row: Int, configuration: SplitConfiguration) {
        self.row = row
        self.configuration = configuration
        weights = configuration.weights
        table = StickyTable(weights: weights.map(\.weight))
    }

    var name: String { configuration.name }

    /// The weights as the log shows them: `stable=90 canary=10`.
    var weightsText: String {
        weights.map { "\($0.pool)=\($0.weight)" }.joined(separator: " ")
    }

    /// Which slots belong to which pool, from the first on; nil is no pool.
    var slots: [(pool: String?, count: Int)] {
        table.runs.map { run in (run.entry.map { weights[$0].pool }, run.count) }
    }

    /// Takes over `slots` of an earlier run, as far as the weights of now let them.
    mutating func restore(slots: [(pool: String?, count: Int)]) {
        let pools = weights.map(\.pool)
        table = StickyTable(
            runs: slots.map { run in
                StickyTable.Run(entry: pools.firstIndex { $0 == run.pool }, count: run.count)
            })
        table.move(to: weights.map(\.weight))
    }

    /// Takes what the file says now. Weights that were shifted at run time stay as long as the
    /// file's weights stay the same, and slots as far as the weights let them.
    mutating func reconfigure(_ configuration: SplitConfiguration) {
        let isSame = self.configuration.weights.elementsEqual(configuration.weights, by: ==)
        self.configuration = configuration
        guard !isSame else { return }
        let before = weights.map(\.pool)
        table.renumber { entry in
            configuration.weights.firstIndex { $0.pool == before[entry] }
        }
        adopt(configuration.weights)
    }

    /// Changes the weights of the pools named; the others keep theirs.
    ///
    /// - Throws: if a pool is not in the split or named twice, a weight is out of range, or no
    ///   weight would be left above zero; nothing has changed then.
    mutating func shift(_ changes: [(pool: String, weight: Int)]) throws(ControlError) {
        var next = weights
        var seen: Set<String> = []
        var problems: [String] = []
        for (pool, weight) in changes {
            guard let index = next.firstIndex(where: { $0.pool == pool }) else {
                let known = weights.map(\.pool).joined(separator: ", ")
                problems.append("split \(name) has no pool \"\(pool)\"; it has \(known)")
                continue
            }
            if !seen.insert(pool).inserted {
                problems.append("split \(name): pool \(pool) is named twice")
            }
            if !RunningSplit.weightRange.contains(weight) {
                problems.append(
                    "split \(name): the weight of \(pool) is \(weight); it may be 0 to 10000")
            }
            next[index].weight = weight
        }
        if changes.isEmpty { problems.append("split \(name): no weight was given") }
        if problems.isEmpty, next.allSatisfy({ $0.weight == 0 }) {
            problems.append("split \(name): all weights would be 0; one must be more")
        }
        guard problems.isEmpty else { throw ControlError(problems) }
        adopt(next)
    }

    private mutating func adopt(_ next: [(pool: String, weight: Int)]) {
        guard !weights.elementsEqual(next, by: ==) else { return }
        weights = next
        table.move(to: next.map(\.weight))
        turnsBefore &+= ticket.taken
        ticket = SplitTicket()
    }
}
