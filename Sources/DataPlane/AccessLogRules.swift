/// Which exchanges the access log has a line of, and in which form.
public struct AccessLogRules: Equatable, Sendable {
    /// How a line looks.
    public enum Form: Sendable {
        /// One JSON object.
        case json
        /// What Apache and nginx call combined.
        case combined
    }

    /// Whether lines have the trace id of the request; finding it costs a look at all its fields.
    public enum Tracing: Sendable { case on, off }

    public var form = Form.json
    public var tracing = Tracing.off
    /// Of a million exchanges that went well and fast, so many are logged.
    public var sharePerMillion = 1_000_000
    /// What took as long as this is logged in any case; nil: how long it took does not matter.
    public var slowNanoseconds: UInt64?

    public init() {}
}

/// Chooses the exchanges that are logged: what failed and what was slow always, of the others a
/// share, evenly and not by chance.
struct LogSampler {
    let rules: AccessLogRules
    private var due = 0

    init(_ rules: AccessLogRules) { self.rules = rules }

    /// - Parameter status: 0 if there was none.
    mutating func wants(status: Int, isFailed: Bool, nanoseconds: UInt64) -> Bool {
        if rules.sharePerMillion >= 1_000_000 || isFailed || status >= 500 { return true }
        if let slow = rules.slowNanoseconds, nanoseconds >= slow { return true }
        due += rules.sharePerMillion
        guard due >= 1_000_000 else { return false }
        due -= 1_000_000
        return true
    }
}
