extension RolloutPlan: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("to", \.to), JSONField("steps", \.steps),
            JSONField("every_ms", \.everyMilliseconds),
            JSONField("min_requests", \.requestsMinimum),
            JSONField("max_error_difference", \.errorDifferenceMaximum),
            JSONField("max_latency_ratio", \.latencyRatioMaximum),
            JSONField("latency_quantile", \.latencyQuantile), JSONField("ready", \.readyMinimum),
            JSONField("settle_ms", \.settleMilliseconds),
            JSONField("patience_ms", \.patienceMilliseconds), JSONField("hooks", \.hooks),
        ]
    }

    /// The same plan with what `json` says otherwise.
    ///
    /// - Throws: a text that names the member, the value found and what is accepted.
    func changed(by json: JSONValue) throws(ControlError) -> RolloutPlan {
        guard let members = json.members else {
            throw ControlError("body: found \(json.kind), expected an object")
        }
        var plan = self
        for member in members {
            guard let field = RolloutPlan.fields.first(where: { $0.name == member.name }) else {
                let known = RolloutPlan.fields.map(\.name).joined(separator: ", ")
                throw ControlError("\"\(member.name)\" is not known; accepted are \(known)")
            }
            do throws(JSONMismatch) {
                try field.write(&plan, member.value)
            } catch {
                let found = member.value.text
                throw ControlError("\(member.name): found \(found), expected \(error.expected)")
            }
        }
        return plan
    }
}

extension RolloutHooks: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("before_step", \.beforeStep), JSONField("after_success", \.afterSuccess),
            JSONField("after_abort", \.afterAbort),
        ]
    }
}

extension PoolWeight: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("weight", \.weight)]
    }
}

extension RolloutFigures: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("requests", \.requests), JSONField("errors", \.errors),
            JSONField("error_percent", \.errorPercent),
            JSONField("latency_ms", \.latencyMilliseconds),
        ]
    }
}

extension RolloutMoment: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("time", \.time), JSONField("event", \.event),
            JSONField("percent", \.percent), JSONField("cause", \.cause),
            JSONField("canary", \.canary), JSONField("stable", \.stable),
        ]
    }
}

extension PoolCounts: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("requests", \.requests), JSONField("errors", \.errors),
            JSONField("latencies", \.latencyNumbers),
        ]
    }

    private var latencyNumbers: [Int] {
        get { latencies.map { Int(clamping: $0) } }
        set { latencies = newValue.map { UInt64(max(0, $0)) } }
    }
}

extension RolloutRecord: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("split", \.split), JSONField("plan", \.plan), JSONField("state", \.stage),
            JSONField("paused", \.isPaused), JSONField("steps_taken", \.stepsTaken),
            JSONField("percent", \.percent), JSONField("cause", \.cause),
            JSONField("weights_before", \.weightsBefore), JSONField("started", \.started),
            JSONField("since", \.since), JSONField("timeline", \.timeline),
            JSONField("timeline_dropped", \.timelineDropped),
            JSONField("reference", \.reference), JSONField("pending_hook", \.pendingHook),
            JSONField("hook_attempts", \.hookAttempts),
        ]
    }
}

extension RolloutStage: JSONConvertible {
    var json: JSONValue { .string(rawValue) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let stage = json.string.flatMap(RolloutStage.init(rawValue:)) else {
            let known = RolloutStage.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONMismatch(path: "", expected: "one of \(known)")
        }
        self = stage
    }
}

extension RolloutHook: JSONConvertible {
    var json: JSONValue { .string(rawValue) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let hook = json.string.flatMap(RolloutHook.init(rawValue:)) else {
            throw JSONMismatch(path: "", expected: "before_step, after_success or after_abort")
        }
        self = hook
    }
}
