internal import ControlPlane

/// What the verbs ask of a running weir, and its refusals as reasons to exit.
extension AdminClient {
    /// How everything is.
    func status() throws(CommandFailure) -> StatusReport {
        let body = try done { () throws(AdminClientError) in try get("/status") }.body
        do throws(JSONError) {
            return try StatusJSON.report(from: body)
        } catch {
            throw CommandFailure("the status is not what this version can read: \(error)")
        }
    }

    /// Other weights for pools of a split; those not named keep theirs.
    func shift(_ split: String, _ weights: [(pool: String, weight: Int)]) throws(CommandFailure) {
        let members = weights.map { JSONValue.Member($0.pool, .count($0.weight)) }
        let body = JSONValue.object([.init("weights", .object(members))])
        _ = try done { () throws(AdminClientError) in try post("/splits/\(split)", body) }
    }

    /// The configuration again.
    func reload() throws(CommandFailure) {
        _ = try done { () throws(AdminClientError) in try post("/reload") }
    }

    private func done(
        _ ask: () throws(AdminClientError) -> Answer
    ) throws(CommandFailure) -> Answer {
        let answer: Answer
        do throws(AdminClientError) {
            answer = try ask()
        } catch {
            throw CommandFailure(error.description)
        }
        guard answer.isSuccess else { throw CommandFailure(answer.problem) }
        return answer
    }
}
