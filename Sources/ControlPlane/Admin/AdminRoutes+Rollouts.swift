/// The paths of rollouts.
extension AdminRoutes {
    static let rollouts: [AdminCall] = [
        AdminCall(.get, "/rollouts", .everybody) { routes, _ in
            let reports = routes.controller.rollouts.reports()
            return .json(200, ["rollouts": .array(reports.map(\.json))])
        },
        AdminCall(.get, "/rollouts/{split}", .everybody) { routes, arguments in
            do throws(AdminRefusal) {
                return .json(200, try routes.rolloutReport(arguments.names[0]))
            } catch {
                return .error(error.status, error.problems)
            }
        },
        AdminCall(change: "/rollouts/{split}/start") { routes, arguments throws(AdminRefusal) in
            try routes.startRollout(arguments.names[0], arguments.request.body)
        },
        change("pause", .pause), change("resume", .resume), change("promote", .promote),
        change("abort", .abort(cause: "operator")),
    ]

    private static func change(_ verb: String, _ event: RolloutEvent) -> AdminCall {
        AdminCall(change: "/rollouts/{split}/\(verb)") { routes, arguments throws(AdminRefusal) in
            try routes.changeRollout(arguments.names[0], event)
        }
    }

    /// The body has what differs from the plan of the configuration.
    private func startRollout(_ split: String, _ body: [UInt8]) throws(AdminRefusal) -> JSONValue {
        try checkSplit(split)
        var change = JSONValue.object([])
        do throws(JSONError) {
            if !body.isEmpty { change = try JSONValue(parsing: body) }
        } catch {
            throw AdminRefusal(400, "body: \(error)")
        }
        let members = change
        try refusing(422) { () throws(ControlError) in
            try controller.rollouts.start(split: split, members)
        }
        return try rolloutReport(split)
    }

    private func changeRollout(
        _ split: String, _ event: RolloutEvent
    ) throws(AdminRefusal) -> JSONValue {
        try checkSplit(split)
        try refusing(409) { () throws(ControlError) in
            try controller.rollouts.change(split: split, event)
        }
        return try rolloutReport(split)
    }

    private func rolloutReport(_ split: String) throws(AdminRefusal) -> JSONValue {
        try checkSplit(split)
        guard let report = controller.rollouts.report(split: split) else {
            throw AdminRefusal(404, "split \"\(split)\" has had no rollout")
        }
        return report.json
    }

    private func checkSplit(_ name: String) throws(AdminRefusal) {
        guard controller.splits.contains(where: { $0.name == name }) else {
            let known = controller.splits.map(\.name).joined(separator: ", ")
            throw AdminRefusal(
                404,
                "there is no split \"\(name)\"; "
                    + (known.isEmpty ? "the configuration has none" : "there is \(known)"))
        }
    }
}
