/// Builds a page of metrics in Prometheus' text format, version 0.0.4.
///
///     var page = PrometheusText()
///     page.begin(.counter, "weir_pool_requests_total", help: "Requests by pool.")
///     page.sample(12, labels: [("pool", "web")])
///
/// All samples of one metric follow its `begin`, as the format demands.
public struct PrometheusText: Sendable {
    /// The value of the response's `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What a metric is, in the words of the format.
    public enum Kind: String, Sendable {
        /// Only rises; its name ends in `_total`.
        case counter
        case gauge
        /// Of durations in seconds; its name ends in `_seconds`.
        case histogram
    }

    /// A label's name, and its value as it is: escaping is done here.
    public typealias Label = (name: String, value: String)

    /// The page so far.
    public private(set) var text = ""
    private var name = ""

    public init() {}

    /// Begins a metric.
    ///
    /// - Parameter name: of letters, digits and `_`, with the unit and, for a counter, `_total` at
    ///   its end. A name that breaks this is a mistake in this program, not in its input.
    public mutating func begin(_ kind: Kind, _ name: String, help: String) {
        precondition(PrometheusText.isName(name), "\(name) is no metric name")
        precondition(kind != .counter || name.hasSuffix("_total"), "\(name) lacks _total")
        precondition(kind != .histogram || name.hasSuffix("_seconds"), "\(name) lacks _seconds")
        self.name = name
        text += "# HELP \(name) "
        append(help, escaping: .help)
        text += "\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// One value of the metric begun last.
    public mutating func sample(_ value: UInt64, labels: [Label] = []) {
        append(sample: "", labels, "\(value)")
    }

    /// One value of the metric begun last, in its base unit: seconds, bytes, a ratio.
    public mutating func sample(_ value: Double, labels: [Label] = []) {
        append(sample: "", labels, PrometheusText.number(value))
    }

    /// One histogram of the metric begun last.
    ///
    /// - Parameters:
    ///   - counts: by bucket of `Histogram`, `bucketCount` of them.
    ///   - sumMicroseconds: of all that was counted.
    ///   - bounds: the buckets, in rising order, whose upper bounds are shown; those left out are
    ///     counted in the next one shown, as the format's buckets contain those before them.
    public mutating func histogram(
        counts: [UInt64], sumMicroseconds: UInt64, labels: [Label] = [],
        bounds: [Int] = PrometheusText.bounds
    ) {
        var total: UInt64 = 0
        var next = 0
        for bound in bounds {
            while next <= bound, next < counts.count {
                total &+= counts[next]
                next += 1
            }
            let seconds = Double(Histogram.upperBound(ofBucket: bound)) / 1e6
            let label: Label = ("le", PrometheusText.number(seconds))
            append(sample: "_bucket", labels + [label], "\(total)")
        }
        while next < counts.count {
            total &+= counts[next]
            next += 1
        }
        append(sample: "_bucket", labels + [("le", "+Inf")], "\(total)")
        append(sample: "_sum", labels, PrometheusText.number(Double(sumMicroseconds) / 1e6))
        append(sample: "_count", labels, "\(total)")
    }

    /// The buckets shown by default: two per power of two from 128 µs to 4 ms, then one per power
    /// of two to 67 s. Adding a bound later is harmless, moving one is not.
    public static let bounds: [Int] =
        Array(stride(from: 23, through: 43, by: 2)) + Array(stride(from: 47, through: 99, by: 4))

    /// One per power of two, for what is counted no finer.
    public static let octaveBounds = Array(stride(from: 23, through: 99, by: 4))
}

extension PrometheusText {
    private enum Escaping { case help, label }

    private mutating func append(sample suffix: String, _ labels: [Label], _ value: String) {
        text += name
        text += suffix
        for (index, label) in labels.enumerated() {
            precondition(PrometheusText.isName(label.name), "\(label.name) is no label name")
            text += index == 0 ? "{" : ","
            text += "\(label.name)=\""
            append(label.value, escaping: .label)
            text += "\""
        }
        text += labels.isEmpty ? " " : "} "
        text += value
        text += "\n"
    }

    private mutating func append(_ value: String, escaping: Escaping) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\"" where escaping == .label: text += "\\\""
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || byte &- UInt8(ascii: "0") < 10
                || (byte | 0x20) &- UInt8(ascii: "a") < 26
        } && name.utf8.first.map { $0 &- UInt8(ascii: "0") >= 10 } ?? false
    }

    /// Without a needless fraction; the format's words for what is not finite.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
        return "\(value)"
    }
}
