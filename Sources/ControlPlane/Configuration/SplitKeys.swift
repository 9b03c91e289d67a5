extension SplitConfiguration {
    static let section = Section<SplitConfiguration>(
        "splits.NAME",
        [
            Key("weights", \.weights, .weights),
            Key("sticky", \.sticky, .sticky),
            Key("pin", \.pins, ValueKind.pin.list("a pin, such as { header: NAME, pool: POOL }")),
        ])

    init?(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        self.init(name: entry.key, weights: [])
        Self.section.read(entry.value, into: &self, &reading)
        if case .mapping = entry.value.content, entry.value.entry("weights") == nil {
            reading.report(
                entry.keyMark, "split '\(entry.key)' has no 'weights', such as { POOL: 95 }")
        }
        checkPins(entry.value.entry("pin")?.value, &reading)
    }

    /// A pin may only be for a pool of the split; a weight of zero is enough to be one.
    private func checkPins(_ node: YAMLNode?, _ reading: inout Reading) {
        guard case .sequence(let elements) = node?.content else { return }
        for element in elements {
            guard let pool = element.entry("pool")?.value, let name = pool.text,
                reading.names.pools.contains(name), !weights.contains(where: { $0.pool == name })
            else { continue }
            reading.report(
                pool.mark,
                "pool: '\(name)' is not in the split; add it to 'weights', with 0 for no share")
        }
    }
}

extension ValueKind<[(pool: String, weight: Int)]> {
    fileprivate static var weights: ValueKind {
        let accepted = "a mapping of POOL: WEIGHT"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            let weights = entries.compactMap { weight($0, &reading) }
            if weights.count == entries.count, weights.allSatisfy({ $0.weight == 0 }) {
                reading.report(
                    node.mark, "weights: all are zero; at least one pool needs a weight above zero")
            }
            return weights
        }
    }

    private static func weight(
        _ entry: YAMLNode.Entry, _ reading: inout Reading
    ) -> (pool: String, weight: Int)? {
        reading.key = "weights"
        let name = YAMLNode(mark: entry.keyMark, content: .scalar(entry.key))
        let pool = ValueKind<String>.name(of: "pool", \.pools).read(name, &reading)
        reading.key = entry.key
        let weight = ValueKind<Int>.count(0...10_000).read(entry.value, &reading)
        guard let pool, let weight else { return nil }
        return (pool, weight)
    }
}
