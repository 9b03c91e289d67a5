extension RolloutPlan {
    static let section = Section<RolloutPlan>(
        "rollouts.NAME",
        [
            Key("to", \.to, .name(of: "pool", \.pools)),
            Key("steps", \.steps, .steps),
            Key("every", \.everyMilliseconds, .time(100...86_400_000)),
            Key(
                "min_requests", \.requestsMinimum, ValueKind.count(0...10_000_000).orNil(["auto"])),
            Key("max_error_difference", \.errorDifferenceMaximum, .percent(0...100)),
            Key("max_latency_ratio", \.latencyRatioMaximum, ValueKind.ratio.orNil(["off"])),
            Key("latency_quantile", \.latencyQuantile, .percent(50...99.9)),
            Key("ready", \.readyMinimum, .count(0...10_000)),
            Key("settle", \.settleMilliseconds, .time(0...3_600_000)),
            Key(
                "patience", \.patienceMilliseconds,
                ValueKind.time(1_000...604_800_000).orNil(["off", "false"])),
            Key("hooks", \.hooks, section: RolloutHooks.section),
        ])
}

extension RolloutHooks {
    static let section = Section<RolloutHooks>(
        "rollouts.NAME.hooks",
        [
            Key("before_step", \.beforeStep, .hook),
            Key("after_success", \.afterSuccess, .hook),
            Key("after_abort", \.afterAbort, .hook),
        ])
}

extension RolloutConfiguration {
    init?(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        self.init(split: entry.key, plan: RolloutPlan())
        let name = YAMLNode(mark: entry.keyMark, content: .scalar(entry.key))
        reading.key = "rollouts"
        _ = ValueKind<String>.name(of: "split", \.splits).read(name, &reading)
        RolloutPlan.section.read(entry.value, into: &plan, &reading)
    }
}

extension ValueKind<[Int]> {
    fileprivate static var steps: ValueKind {
        let kind = ValueKind<Int>.count(1...100).listOrOne
        return ValueKind(accepted: kind.accepted) { node, reading in
            guard let steps = kind.read(node, &reading) else { return nil }
            if !zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) {
                reading.report(node.mark, "steps: they must rise, such as [5, 25, 50, 100]")
            }
            return steps
        }
    }
}

extension ValueKind<Double> {
    /// As a share, 0 to 1.
    static func percent(_ range: ClosedRange<Double>) -> ValueKind {
        let low = StatusText.number(range.lowerBound)
        let high = StatusText.number(range.upperBound)
        return ValueKind(scalar: "a share from \(low)% to \(high)%, such as 99% or 0.5%") {
            text throws(Refusal) in
            guard text.hasSuffix("%"), let number = decimal(text.dropLast()),
                range.contains(number)
            else { throw Refusal() }
            return number / 100
        }
    }

    fileprivate static var ratio: ValueKind {
        ValueKind(scalar: "a number from 1 to 1000, such as 1.5") { text throws(Refusal) in
            guard let number = decimal(text), (1...1_000).contains(number) else { throw Refusal() }
            return number
        }
    }

    /// Digits, with a point among them or not.
    private static func decimal(_ text: some StringProtocol) -> Double? {
        guard let first = text.first, let last = text.last, first != ".", last != ".",
            text.utf8.count <= 12, text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 })
        else { return nil }
        return Double(text)
    }
}

extension ValueKind<String> {
    fileprivate static var hook: ValueKind {
        ValueKind(scalar: HTTPURL.accepted) { text throws(Refusal) in
            guard HTTPURL(text) != nil else { throw Refusal() }
            return text
        }
    }
}
