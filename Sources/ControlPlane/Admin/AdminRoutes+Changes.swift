/// The changes that an operator may ask for.
extension AdminRoutes {
    func reloaded() throws(AdminRefusal) -> JSONValue {
        try refusing(422) { () throws(ControlError) in try reload() }
        var report = ReloadReport()
        report.generation = Int(clamping: controller.generation)
        return report.json
    }

    /// Answers when the new process accepts, or when that has failed.
    func upgraded(_ completion: @escaping (AdminResponse) -> Void) {
        upgrade { result in
            switch result {
            case .success(let process):
                var report = UpgradeReport()
                report.process = Int(process)
                completion(.json(200, report.json))
            case .failure(let error): completion(.error(409, error.problems))
            }
        }
    }

    func drain(_ body: [UInt8]) throws(AdminRefusal) -> JSONValue {
        let request = try AdminBody.record(DrainBody.self, in: body).request()
        return try refusing(409) { () throws(ControlError) in
            drainReport(try controller.drain(request)).json
        }
    }

    func undrain(_ body: [UInt8]) throws(AdminRefusal) -> JSONValue {
        let request = try AdminBody.record(UndrainBody.self, in: body).request
        return try refusing(409) { () throws(ControlError) in
            drainReport(try controller.undrain(request)).json
        }
    }

    func pause(_ pool: String, _ body: [UInt8]) throws(AdminRefusal) -> JSONValue {
        let pause = try AdminBody.record(PauseBody.self, in: body)
        try checkPool(pool)
        try refusing(422) { () throws(ControlError) in
            try controller.pause(pool: pool, waitMilliseconds: pause.waitAtMostMilliseconds)
        }
        return try pauseReport(pool)
    }

    func resume(_ pool: String) throws(AdminRefusal) -> JSONValue {
        try checkPool(pool)
        try refusing(422) { () throws(ControlError) in try controller.resume(pool: pool) }
        return try pauseReport(pool)
    }

    func shift(_ name: String, _ body: [UInt8]) throws(AdminRefusal) -> JSONValue {
        guard controller.splits.contains(where: { $0.name == name }) else {
            let known = controller.splits.map(\.name).joined(separator: ", ")
            throw AdminRefusal(
                404,
                "there is no split \"\(name)\"; "
                    + (known.isEmpty ? "the configuration has none" : "there is \(known)"))
        }
        let weights: [(pool: String, weight: Int)]
        do throws(JSONError) {
            weights = try AdminRoutes.weights(in: try JSONValue(parsing: body))
        } catch {
            throw AdminRefusal(400, "body: \(error)")
        }
        try refusing(422) { () throws(ControlError) in
            try controller.shift(split: name, weights: weights)
        }
        guard let split = controller.splits.first(where: { $0.name == name }) else {
            throw AdminRefusal(404, "there is no split \"\(name)\"")
        }
        var report = ShiftReport()
        report.generation = Int(clamping: controller.generation)
        report.split = Controller.splitReport(split)
        return report.json
    }

    static func weights(
        in json: JSONValue
    ) throws(JSONError) -> [(pool: String, weight: Int)] {
        func mistake(_ found: String) -> JSONError {
            JSONError(
                offset: 0,
                message: "\(found); expected {\"weights\": {\"POOL\": WEIGHT, …}}")
        }
        guard let members = json.members else { throw mistake("found \(json.kind)") }
        if let other = members.first(where: { $0.name != "weights" }) {
            throw mistake("\"\(other.name)\" is not known")
        }
        guard let weights = json["weights"]?.members else { throw mistake("no object \"weights\"") }
        var result: [(pool: String, weight: Int)] = []
        for member in weights {
            guard let weight = member.value.integer else {
                throw mistake("the weight of \(member.name) is not a whole number")
            }
            result.append((member.name, weight))
        }
        return result
    }

    private func checkPool(_ name: String) throws(AdminRefusal) {
        try refusing(404) { () throws(ControlError) in _ = try controller.pool(name) }
    }

    func refusing<Result>(
        _ status: Int, _ change: () throws(ControlError) -> Result
    ) throws(AdminRefusal) -> Result {
        do throws(ControlError) {
            return try change()
        } catch {
            throw AdminRefusal(status, error.problems)
        }
    }

    func drainReport(_ replicas: [FoundReplica]) -> DrainReport {
        var report = DrainReport()
        report.generation = Int(clamping: controller.generation)
        report.replicas = replicas.map { found in
            var replica = DrainReport.Replica()
            replica.pool = found.pool.name
            replica.name = found.status.name
            replica.address = "\(found.status.address)"
            replica.state = found.status.state.rawValue
            replica.isDrained = found.status.isDrained
            replica.inFlight = controller.inFlight(on: found)
            return replica
        }
        return report
    }

    private func pauseReport(_ name: String) throws(AdminRefusal) -> JSONValue {
        guard let pool = controller.status().pools.first(where: { $0.name == name }) else {
            throw AdminRefusal(404, "there is no pool \"\(name)\"")
        }
        var report = PauseReport()
        report.generation = Int(clamping: controller.generation)
        report.pool = name
        report.isPaused = pool.isPaused
        report.waitAtMostMilliseconds = pool.waitAtMostMilliseconds
        report.holding = pool.holding
        return report.json
    }
}
