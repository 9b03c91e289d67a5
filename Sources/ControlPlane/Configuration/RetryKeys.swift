internal import Balancing

extension PoolSettings {
    static let retry = Section<PoolSettings>(
        "pools.NAME.retry",
        [
            Key("statuses", \.retryStatuses, .statuses),
            Key("first_byte", \.retriesFirstByte, .onOff),
            Key("budget", \.retryBudgetPercent, .percent(0...100)),
            Key("floor", \.retryFloorPerSecond, .count(0...1_000_000)),
        ])
}

extension ValueKind<RetryStatuses> {
    /// Those that say that the replica could not serve the request.
    fileprivate static var statuses: ValueKind {
        ValueKind<RetryStatuses>.word(
            ["502": .badGateway, "503": .unavailable, "504": .gatewayTimeout]
        )
        .listOrOne.map { RetryStatuses($0) }.or(["off", "false"], [])
    }
}
