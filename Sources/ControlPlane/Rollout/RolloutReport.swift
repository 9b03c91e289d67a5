/// What `weir rollout status` tells of one rollout.
public struct RolloutReport: Equatable, Sendable {
    /// The plan, the stage and the timeline.
    public var record = RolloutRecord()
    /// The share of the canary now, in percent, whoever has set it.
    public var sharePercent = 0.0
    /// What keeps it from going on; nil if nothing does.
    public var waitingFor: String?
    /// `pass`, `fail` or `need more data`; nil outside of steps.
    public var verdict: String?
    /// The figures behind the verdict, in words.
    public var reason: String?
    /// Requests of the canary that a pass takes.
    public var requestsNeeded: Int?
    /// In the present step, or the last.
    public var canary: RolloutFigures?
    /// What the canary is compared with.
    public var stable: RolloutFigures?
    /// Rollouts of this split that ended so since weir started.
    public var aborts = 0

    public init() {}
}

extension RolloutReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("split", \.record.split), JSONField("to", \.record.plan.to),
            JSONField("state", \.record.stage), JSONField("paused", \.record.isPaused),
            JSONField("cause", \.record.cause), JSONField("waiting_for", \.waitingFor),
            JSONField("percent", \.record.percent), JSONField("share_percent", \.sharePercent),
            JSONField("steps_taken", \.record.stepsTaken),
            JSONField("started", \.record.started), JSONField("since", \.record.since),
            JSONField("verdict", \.verdict), JSONField("reason", \.reason),
            JSONField("requests_needed", \.requestsNeeded), JSONField("canary", \.canary),
            JSONField("stable", \.stable), JSONField("aborts", \.aborts),
            JSONField("plan", \.record.plan), JSONField("weights_before", \.record.weightsBefore),
            JSONField("timeline", \.record.timeline),
            JSONField("timeline_dropped", \.record.timelineDropped),
        ]
    }
}

extension RolloutReport {
    /// The report in a body that `/rollouts/SPLIT` answered.
    ///
    /// - Throws: `JSONError` if the body is no JSON or no report; the caller prints it.
    public init(body: [UInt8]) throws(JSONError) {
        let json = try JSONValue(parsing: body)
        do throws(JSONMismatch) {
            try self.init(json: json)
        } catch {
            throw JSONError(offset: 0, message: "\(error.path) should be \(error.expected)")
        }
    }

    /// As one line of JSON.
    public var text: String { json.text }
}
