internal import ArgumentParser

/// A value of the command line that is a length of time: `500ms`, `60s`, `2m`.
struct DurationArgument {
    let milliseconds: Int

    private static let units = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
}

extension DurationArgument: ExpressibleByArgument {
    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let unit = DurationArgument.units[String(argument.dropFirst(digits.count))]
        guard let count = Int(digits), let unit else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        milliseconds = product
    }

    var defaultValueDescription: String { "\(milliseconds / 1_000)s" }
}

/// A weight for a pool of a split: `canary=5`.
struct WeightArgument: ExpressibleByArgument {
    let pool: String
    let weight: Int

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let weight = Int(parts[1]), weight >= 0
        else { return nil }
        pool = String(parts[0])
        self.weight = weight
    }
}
