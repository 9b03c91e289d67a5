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
    @discardableResult
    public func shift(
        _ split: String, _ weights: [(pool: String, weight: Int)]
    ) throws(AdminError) -> ShiftReport {
        let members = weights.map { JSONValue.Member($0.pool, .count($0.weight)) }
        return try report(
            ShiftReport.self, try post("/splits/\(Self.part(split))", ["weights": .object(members)])
        )
    }

    /// Has the configuration read again, all or nothing.
    @discardableResult
    public func reload() throws(AdminError) -> ReloadReport {
        try report(ReloadReport.self, try post("/reload"))
    }

    /// Has the program as it is on the disk now take over from the one that runs. Answers when it
    /// serves; give the client time for that.
    @discardableResult
    public func upgrade() throws(AdminError) -> UpgradeReport {
        try report(UpgradeReport.self, try post("/upgrade"))
    }

    /// No new work for some replicas.
    ///
    /// - Parameters:
    ///   - pool: only replicas of this pool; nil is all pools.
    ///   - olderThanMilliseconds: also all of the pool that were found longer ago.
    ///   - tunnelMilliseconds: how long tunnels may go on; nil is what the configuration says.
    ///   - isForced: true drains the last ready replica of a pool as well.
    public func drain(
        _ replicas: [String], pool: String? = nil, olderThanMilliseconds: Int? = nil,
        tunnelMilliseconds: Int? = nil, isForced: Bool = false
    ) throws(AdminError) -> DrainReport {
        var body = DrainBody()
        body.replicas = replicas
        body.pool = pool
        body.olderThanMilliseconds = olderThanMilliseconds
        body.tunnelMilliseconds = tunnelMilliseconds
        body.isForced = isForced
        return try report(DrainReport.self, try post("/drain", body.json))
    }

    /// Drained replicas take new work again, once they pass their probes.
    public func undrain(
        _ replicas: [String], pool: String? = nil
    ) throws(AdminError) -> DrainReport {
        var body = UndrainBody()
        body.replicas = replicas
        body.pool = pool
        return try report(DrainReport.self, try post("/undrain", body.json))
    }

    /// Requests to the pool wait until `resume`, each at most this long; nil is the time-out of the
    /// pool's hold.
    public func pause(
        pool: String, waitAtMostMilliseconds: Int? = nil
    ) throws(AdminError) -> PauseReport {
        var body = PauseBody()
        body.waitAtMostMilliseconds = waitAtMostMilliseconds
        return try report(PauseReport.self, try post("/pools/\(Self.part(pool))/pause", body.json))
    }

    /// Requests that wait go on, in their order.
    public func resume(pool: String) throws(AdminError) -> PauseReport {
        try report(PauseReport.self, try post("/pools/\(Self.part(pool))/resume"))
    }

    private func accepted(_ answer: Answer) throws(AdminError) -> Answer {
        guard answer.isSuccess else { throw AdminError(description: answer.problem) }
        return answer
    }

    private func report<Report: JSONRecord>(
        _ type: Report.Type, _ answer: Answer
    ) throws(AdminError) -> Report {
        let body = try accepted(answer).body
        do throws(JSONError) {
            let json = try JSONValue(parsing: body)
            do throws(JSONMismatch) {
                return try Report(json: json)
            } catch {
                throw JSONError(offset: 0, message: "\(error.path) should be \(error.expected)")
            }
        } catch {
            throw AdminError(description: "the answer of weir cannot be read: \(error)")
        }
    }
}
