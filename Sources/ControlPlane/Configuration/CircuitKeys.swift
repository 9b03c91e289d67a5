/// When a pool that does not answer is left alone, and for how long.
public struct CircuitConfiguration: Equatable, Sendable {
    /// Attempts without an answer in a row, none good, that open the circuit.
    public var failures = 20
    /// The share of attempts without an answer that opens it, over so much of the past,
    public var sharePercent = 50
    public var windowMilliseconds = 10_000
    /// and the fewest attempts that are judged.
    public var requests = 50
    /// How long it is open; the second time in a row twice as long, and so on.
    public var timeMilliseconds = 5_000
    /// The longest; and how long it must have been closed for earlier times to be forgotten.
    public var timeMillisecondsMaximum = 60_000
    /// Good answers in a row, one request of each worker at a time, that close it again.
    public var trials = 3

    public init() {}
}

extension CircuitConfiguration {
    static let section = Section<CircuitConfiguration>(
        "pools.NAME.circuit_breaker",
        [
            Key("failures", \.failures, .count(1...100_000)),
            Key("share", \.sharePercent, .percent(1...100)),
            Key("window", \.windowMilliseconds, .time(1_000...600_000)),
            Key("requests", \.requests, .count(1...1_000_000)),
            Key("time", \.timeMilliseconds, .time(100...3_600_000)),
            Key("time_max", \.timeMillisecondsMaximum, .time(100...3_600_000)),
            Key("trials", \.trials, .count(1...10_000)),
        ])
}
