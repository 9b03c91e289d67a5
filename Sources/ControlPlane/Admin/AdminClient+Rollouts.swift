/// What `weir rollout` asks.
extension AdminClient {
    /// What an operator may do to a rollout that is under way.
    public enum RolloutChange: String, Sendable {
        case pause, resume, promote, abort
    }

    /// The last rollout of a split, over or not.
    public func rollout(_ split: String) throws(AdminError) -> RolloutReport {
        try rolloutReport(try get("/rollouts/\(Self.part(split))"))
    }

    /// Begins one.
    ///
    /// - Parameter plan: the members of the plan that differ from the configuration's.
    public func startRollout(
        _ split: String, plan: [JSONValue.Member]
    ) throws(AdminError) -> RolloutReport {
        try rolloutReport(try post("/rollouts/\(Self.part(split))/start", .object(plan)))
    }

    /// Pauses, resumes, promotes or aborts it.
    public func changeRollout(
        _ split: String, _ change: RolloutChange
    ) throws(AdminError) -> RolloutReport {
        try rolloutReport(try post("/rollouts/\(Self.part(split))/\(change.rawValue)"))
    }

    private func rolloutReport(_ answer: Answer) throws(AdminError) -> RolloutReport {
        guard answer.isSuccess else { throw AdminError(description: answer.problem) }
        do throws(JSONError) {
            return try RolloutReport(body: answer.body)
        } catch {
            throw AdminError(description: "the answer of weir cannot be read: \(error)")
        }
    }
}
