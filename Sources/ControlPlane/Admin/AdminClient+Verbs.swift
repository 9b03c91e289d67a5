/// What the verbs of the command line ask. Each throws if weir is not there, or refuses: in its own
/// words then.
extension AdminClient {
    /// How everything is.
    public func status() throws(AdminError) -> StatusReport {
        let answer = try accepted(try get("/status"))
        do throws(JSONError) {
            return try StatusJSON.report(from: answer.body)
        } catch {
            throw AdminError(description: "the status of weir cannot be read: \(error)")
        }
    }

    /// Changes weights of a split, from the next request on; pools not named keep theirs.
    public func shift(
        _ split: String, _ weights: [(pool: String, weight: Int)]
    ) throws(AdminError) {
        let members = weights.map { JSONValue.Member($0.pool, .count($0.weight)) }
        _ = try accepted(try post("/splits/\(split)", ["weights": .object(members)]))
    }

    /// Has the configuration read again, all or nothing.
    public func reload() throws(AdminError) { _ = try accepted(try post("/reload")) }

    private func accepted(_ answer: Answer) throws(AdminError) -> Answer {
        guard answer.isSuccess else { throw AdminError(description: answer.problem) }
        return answer
    }
}
