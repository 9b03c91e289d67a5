/// How the questions of a resolver were answered.
public struct DNSCounts: Equatable, Sendable {
    /// Questions asked, each once, however often it was sent.
    public var questions = 0
    /// Answers by outcome.
    public var records = 0
    public var noSuchName = 0
    public var empty = 0
    /// SERVFAIL, and the error codes beside it.
    public var serverFailures = 0
    public var refused = 0
    public var timeouts = 0
    public var unreachable = 0
    public var malformed = 0
    /// Answers that did not fit, and were asked for again over TCP.
    public var truncated = 0
    /// How long all answers together took.
    public var microseconds = 0

    public init() {}

    mutating func note(_ outcome: DNSAnswer.Outcome, microseconds: UInt64) {
        self.microseconds += Int(clamping: microseconds)
        switch outcome {
        case .records: records += 1
        case .noSuchName: noSuchName += 1
        case .empty: empty += 1
        case .serverFailure, .code: serverFailures += 1
        case .refused: refused += 1
        case .timeout: timeouts += 1
        case .unreachable: unreachable += 1
        case .malformed: malformed += 1
        }
    }

    /// What came of questions, by the words of the metrics.
    var outcomes: [(word: String, count: Int)] {
        [
            ("records", records), ("no_such_name", noSuchName), ("empty", empty),
            ("server_failure", serverFailures), ("refused", refused), ("timeout", timeouts),
            ("unreachable", unreachable), ("malformed", malformed),
        ]
    }
}

extension DNSCounts: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("questions", \.questions), JSONField("records", \.records),
            JSONField("no_such_name", \.noSuchName), JSONField("empty", \.empty),
            JSONField("server_failure", \.serverFailures), JSONField("refused", \.refused),
            JSONField("timeout", \.timeouts), JSONField("unreachable", \.unreachable),
            JSONField("malformed", \.malformed), JSONField("truncated", \.truncated),
            JSONField("duration_us_sum", \.microseconds),
        ]
    }
}
