internal import Balancing
internal import ControlPlane

/// What decides within a split where a request goes, in words.
struct SplitExplanation {
    private(set) var lines: [(label: String, words: String)] = []
    /// Where the request goes, or may go: the pools in the order of the split.
    private(set) var pools: [String]
    private let split: SplitConfiguration
    private let weights: [(pool: String, weight: Int)]

    /// - Parameters:
    ///   - weights: as they are now.
    ///   - slots: as the weir that runs has them; nil without one.
    init(
        of request: ImaginedRequest, split: SplitConfiguration,
        weights: [(pool: String, weight: Int)], slots: [SplitReport.SlotRun]?
    ) {
        self.split = split
        self.weights = weights
        pools = weights.filter { $0.weight > 0 }.map(\.pool)
        let sum = weights.reduce(0) { $0 + $1.weight }
        let shares = weights.map { "\($0.pool) \($0.weight) of \(sum)" }
        add("split", "\(split.name): \(shares.joined(separator: ", "))")
        if explainPins(request) { return }
        switch split.sticky {
        case .off: break
        case .cookie(let cookie): explainCookie(cookie, request, slots)
        case .hash(let key): explainHash(key, request, slots)
        }
    }

    /// True if a pin alone decides.
    private mutating func explainPins(_ request: ImaginedRequest) -> Bool {
        for pin in split.pins {
            guard let value = request.value(of: pin.key) else { continue }
            if value == "always" {
                add("pin", "\(pin.key) says always: \(pin.pool), whatever its weight")
                pools = [pin.pool]
                return true
            }
            if value == "never" {
                let others = pools.filter { $0 != pin.pool }
                let words =
                    others.isEmpty ? "but no other pool has a weight" : "unless it is the only one"
                add("pin", "\(pin.key) says never: not \(pin.pool), \(words)")
                if !others.isEmpty { pools = others }
                return false
            }
            add("pin", "\(pin.key) says neither always nor never: it does not count")
        }
        return false
    }

    private mutating func explainCookie(
        _ cookie: CookieConfiguration, _ request: ImaginedRequest, _ slots: [SplitReport.SlotRun]?
    ) {
        let name = cookie.name(ofSplit: split.name)
        guard let value = request.value(of: .cookie(name)) else {
            add("slot", "no cookie \(name): it takes a turn, and is given a slot of that pool")
            return
        }
        guard let slot = CookieValue.slot(Array(value.utf8).span)?.slot else {
            add("slot", "the cookie \(name) is not one that weir set: it is ignored and replaced")
            return
        }
        explain(slot, "the cookie \(name), if its signature is right, tells", slots)
    }

    private mutating func explainHash(
        _ key: RequestKey, _ request: ImaginedRequest, _ slots: [SplitReport.SlotRun]?
    ) {
        guard let value = request.value(of: key), !value.isEmpty else {
            add("slot", "no \(key): it takes a turn")
            return
        }
        let hash = SipHash.hash(Array(value.utf8).span, key: .none)
        explain(StickyTable.slot(ofHash: hash), "the hash of \(key) gives", slots)
    }

    private mutating func explain(
        _ slot: Int, _ source: String, _ slots: [SplitReport.SlotRun]?
    ) {
        let names = weights.map(\.pool)
        let table =
            slots.map { runs in
                StickyTable(
                    runs: runs.map { run in
                        StickyTable.Run(
                            entry: names.firstIndex(of: run.pool), count: run.count)
                    })
            } ?? StickyTable(weights: weights.map(\.weight))
        guard let entry = table.entry(of: slot), names.indices.contains(entry) else { return }
        add("slot", "\(source) slot \(slot), which belongs to \(names[entry])")
        if pools.contains(names[entry]) { pools = [names[entry]] }
    }

    private mutating func add(_ label: String, _ words: String) { lines.append((label, words)) }
}
