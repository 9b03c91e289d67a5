internal import Balancing

/// One split of the running configuration, with its weights of now.
struct RunningSplit {
    let row: Int
    private(set) var configuration: SplitConfiguration
    /// In the order of the file. They differ from the file's after `weir shift`.
    private(set) var weights: [(pool: String, weight: Int)]
    /// Whose turn it is; a new one with each change of weights.
    private(set) var ticket = SplitTicket()

    /// What a weight may be.
    static let weightRange = 0...10_000

    init(row: Int, configuration: SplitConfiguration) {
        self.row = row
        self.configuration = configuration
        weights = configuration.weights
    }

    var name: String { configuration.name }

    /// The weights as the log shows them: `stable=90 canary=10`.
    var weightsText: String {
        weights.map { "\($0.pool)=\($0.weight)" }.joined(separator: " ")
    }

    /// Takes what the file says now. Weights that were shifted at run time stay as long as the
    /// file's weights stay the same.
    mutating func reconfigure(_ configuration: SplitConfiguration) {
        let isSame = self.configuration.weights.elementsEqual(configuration.weights, by: ==)
        self.configuration = configuration
        if !isSame { adopt(configuration.weights) }
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
        ticket = SplitTicket()
    }
}
