internal import Balancing

/// When real traffic takes a replica out of its pool, and for how long.
public struct EjectionConfiguration: Equatable, Sendable {
    /// Bad answers in a row, none good, that take a replica out while the others do well.
    public var failures = 5
    /// Shares of bad answers are compared over so much of the past.
    public var windowMilliseconds = 10_000
    /// The fewest answers, of the replica and of the others, that are compared.
    public var requests = 50
    /// By how many points the share must be above that of the others at the least.
    public var differencePercent = 20
    /// The first ejection; the second in a row takes twice as long, and so on.
    public var timeMilliseconds = 10_000
    /// The longest one, and how long a replica must do well for the earlier ones to be forgotten.
    public var timeMillisecondsMaximum = 300_000
    /// The most of a pool that is ejected at once; one replica always may be.
    public var poolPercentMaximum = 50

    public init() {}
}

extension EjectionConfiguration {
    static let section = Section<EjectionConfiguration>(
        "pools.NAME.ejection",
        [
            Key("failures", \.failures, .count(1...1_000)),
            Key("window", \.windowMilliseconds, .time(1_000...600_000)),
            Key("requests", \.requests, .count(5...1_000_000)),
            Key("difference", \.differencePercent, .percent(1...100)),
            Key("time", \.timeMilliseconds, .time(1_000...3_600_000)),
            Key("time_max", \.timeMillisecondsMaximum, .time(1_000...86_400_000)),
            Key("share", \.poolPercentMaximum, .percent(0...100)),
        ])
}

extension PoolConfiguration {
    /// Milliseconds. Only balancing by load sends a newcomer more than its share.
    var slowStart: Int {
        if let slowStartMilliseconds { return slowStartMilliseconds }
        return switch policy {
        case .leastConnections, .leastResponseTime: 10_000
        case .roundRobin, .powerOfTwo, .consistentHash: 0
        }
    }
}

extension ValueKind {
    /// `on`, `off`, or a section with figures that differ from those of `on`.
    static func switched<Figures: Sendable>(
        _ section: Section<Figures>, on standard: Figures
    ) -> ValueKind where Value == Figures? {
        let keys = section.supported.joined(separator: ", ")
        let accepted = "on, off, or a mapping of \(keys)"
        return ValueKind(accepted: accepted) { node, reading in
            switch node.text {
            case "on", "true": return .some(standard)
            case "off", "false": return .some(nil)
            default: break
            }
            guard case .mapping = node.content else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var figures = standard
            section.read(node, into: &figures, &reading)
            return figures
        }
    }
}

extension ValueKind<Int> {
    /// A whole number of hundredths.
    static func percent(_ range: ClosedRange<Int>) -> ValueKind {
        let accepted = "a share from \(range.lowerBound)% to \(range.upperBound)%, such as 20%"
        return ValueKind(scalar: accepted) { text throws(Refusal) in
            guard text.last == "%", let number = Quantity.number(text.dropLast()),
                range.contains(number)
            else { throw Refusal() }
            return number
        }
    }
}
