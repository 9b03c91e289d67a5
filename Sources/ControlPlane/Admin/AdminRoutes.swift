internal import Metrics
internal import Transport

/// What each path of the admin interface answers: `calls` has them all, and the file
/// `openapi.json` says the same for others.
struct AdminRoutes {
    let controller: Controller
    let reload: () throws(ControlError) -> Void
    let upgrade: (@escaping UpgradeDirector.Completion) -> Void
    /// Another process has the state already: what is changed here would be lost.
    let forbidsChanges: () -> Bool
    /// Where the Unix socket is, for messages; nil if there is none.
    let socketPath: () -> String?
    /// What changes over TCP must show; nil if there is no token.
    let token: () -> AdminToken?
    /// What `/events` sends.
    let feed: EventFeed

    static let calls: [AdminCall] =
        reads + dashboard + changes + rollouts + [
            AdminCall(
                .post, "/drain/self", .container,
                later: { $0.drainSelf($1.request, $2) }),
            AdminCall(.post, "/upgrade", .operator, later: { $0.upgraded($2) }),
        ]

    private static let reads: [AdminCall] = [
        AdminCall(.get, "/live", .everybody) { _, _ in .text(200, "alive") },
        AdminCall(.get, "/ready", .everybody) { routes, _ in routes.ready() },
        AdminCall(.get, "/status", .everybody) { routes, _ in
            .json(200, routes.controller.status().json)
        },
        AdminCall(.get, "/openapi.json", .everybody) { _, _ in
            AdminResponse(
                200, contentType: "application/json",
                body: String(decoding: PackageResources.openapi_json, as: UTF8.self))
        },
        AdminCall(.get, "/metrics", .everybody) { routes, _ in
            AdminResponse(
                200, contentType: PrometheusText.contentType,
                body: routes.controller.metricsPage())
        },
    ]

    private static let dashboard: [AdminCall] =
        DashboardFile.all.map { file in
            AdminCall(.get, file.path, .everybody) { _, _ in file.response }
        } + [
            AdminCall(.get, "/events", .everybody) { routes, arguments in
                routes.events(after: arguments.request.lastEvent)
            }
        ]

    private static let changes: [AdminCall] = [
        AdminCall(change: "/drain") { routes, arguments throws(AdminRefusal) in
            try routes.drain(arguments.request.body)
        },
        AdminCall(change: "/undrain") { routes, arguments throws(AdminRefusal) in
            try routes.undrain(arguments.request.body)
        },
        AdminCall(change: "/pools/{pool}/pause") { routes, arguments throws(AdminRefusal) in
            try routes.pause(arguments.names[0], arguments.request.body)
        },
        AdminCall(change: "/pools/{pool}/resume") { routes, arguments throws(AdminRefusal) in
            try routes.resume(arguments.names[0])
        },
        AdminCall(change: "/splits/{split}") { routes, arguments throws(AdminRefusal) in
            try routes.shift(arguments.names[0], arguments.request.body)
        },
        AdminCall(change: "/reload") { routes, _ throws(AdminRefusal) in try routes.reloaded() },
    ]

    /// Answers once, at once or later.
    func answer(_ request: AdminRequest, _ completion: @escaping (AdminResponse) -> Void) {
        switch call(for: request) {
        case .success(let (call, names)):
            call.answer(self, AdminCall.Arguments(request: request, names: names), completion)
        case .failure(let refusal): completion(refusal.response)
        }
    }

    /// The answer instead of that of a call.
    private struct Refused: Error {
        var response: AdminResponse
    }

    private func call(
        for request: AdminRequest
    ) -> Result<(AdminCall, names: [String]), Refused> {
        if let refusal = refusal(ofHost: request) { return .failure(Refused(response: refusal)) }
        let known = AdminRoutes.calls.filter { $0.names(in: request.path) != nil }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let call = known.first(where: { $0.method.rawValue == method }),
            let names = call.names(in: request.path)
        else {
            let answer = known.isEmpty ? notFound(request) : methodNotAllowed(request, known)
            return .failure(Refused(response: answer))
        }
        if let refusal = refusal(of: request, to: call) {
            return .failure(Refused(response: refusal))
        }
        return .success((call, names))
    }

    private func refusal(ofHost request: AdminRequest) -> AdminResponse? {
        guard request.origin == .network, !AdminRoutes.isSafe(host: request.host) else {
            return nil
        }
        return .error(
            403,
            "the Host \"\(request.host)\" is not accepted here; an IP address, localhost or a"
                + " name without a dot is")
    }

    private func refusal(of request: AdminRequest, to call: AdminCall) -> AdminResponse? {
        if call.method == .post, forbidsChanges(), call.path != "/upgrade" {
            return .error(
                409, "an upgrade is under way: ask again, and the new process answers")
        }
        guard call.access == .operator, request.origin == .network else { return nil }
        guard let token = token() else {
            let place = socketPath().map { "unix:\($0)" } ?? "off (admin: socket)"
            return .error(
                403,
                "changes over TCP need a token, and none is configured"
                    + " (admin: { token_file: PATH }); the Unix socket is \(place)")
        }
        guard let shown = request.authorization else {
            return unauthorized(
                "changes over TCP need Authorization: Bearer TOKEN (--token-file, or WEIR_TOKEN)",
                challenge: "Bearer realm=\"weir\"")
        }
        guard token.isShown(by: shown) else {
            return unauthorized(
                "the token is not the one that weir has",
                challenge: "Bearer realm=\"weir\", error=\"invalid_token\"")
        }
        return nil
    }

    private func unauthorized(_ problem: String, challenge: String) -> AdminResponse {
        var response = AdminResponse.error(401, problem)
        response.challenge = challenge
        return response
    }

    private func notFound(_ request: AdminRequest) -> AdminResponse {
        let reads = AdminRoutes.calls.filter { $0.method == .get }.map(\.path)
        let changes = AdminRoutes.calls.filter { $0.method == .post }.map(\.path)
        return .error(
            404,
            "there is no \(request.path) here; there are \(reads.shortList), and for POST"
                + " \(changes.shortList)")
    }

    private func methodNotAllowed(
        _ request: AdminRequest, _ known: [AdminCall]
    ) -> AdminResponse {
        let methods = known.map { $0.method == .get ? "GET, HEAD" : $0.method.rawValue }
        let allow = methods.joined(separator: ", ")
        var response = AdminResponse.error(
            405, "\(request.path) does not know \(request.method); it knows \(allow)")
        response.allow = allow
        return response
    }

    private func events(after last: String?) -> AdminResponse {
        guard !feed.isFull else {
            return .error(
                503, "\(EventFeed.readersMaximum) read already; more are not accepted")
        }
        // The browser comes again by itself after this many milliseconds.
        var response = AdminResponse(
            200, contentType: "text/event-stream", body: "retry: 1000\n\n")
        response.sequel = .events(after: last)
        return response
    }

    private func ready() -> AdminResponse {
        let reasons = controller.notReadyReasons()
        return reasons.isEmpty
            ? .text(200, "ready") : .text(503, "not ready\n" + reasons.joined(separator: "\n"))
    }

    /// Whether a browser can only have meant this host. A page of a stranger can make a browser ask
    /// any address under a name of the stranger's own domain ("DNS rebinding"); an address, or a
    /// name without a dot, is never such a name.
    static func isSafe(host: String) -> Bool {
        if SocketAddress(numeric: host, port: 0) != nil { return true }
        let name = host.lowercased()
        return !name.contains(".") || name.hasSuffix(".localhost")
    }
}
