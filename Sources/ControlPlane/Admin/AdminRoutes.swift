internal import Metrics
internal import Transport

/// What each path of the admin interface answers.
///
/// | path | method | answer |
/// | --- | --- | --- |
/// | `/live` | GET | 200 as long as the control loop turns |
/// | `/ready` | GET | 200 or 503, with the reasons |
/// | `/status` | GET | the status report, JSON |
/// | `/metrics` | GET | Prometheus text |
/// | `/splits/NAME` | POST | `{"weights": {"stable": 90, "canary": 10}}` changes weights |
/// | `/reload` | POST | reads the configuration again |
///
/// Changes are accepted over the Unix socket only.
struct AdminRoutes {
    let controller: Controller
    let reload: () throws(ControlError) -> Void
    /// Where the Unix socket is, for messages; nil if there is none.
    let socketPath: () -> String?

    func answer(_ request: AdminRequest) -> AdminResponse {
        if request.origin == .network, !AdminRoutes.isSafe(host: request.host) {
            return .error(
                403,
                "the Host \"\(request.host)\" is not accepted here; an IP address, localhost or a"
                    + " name without a dot is")
        }
        switch request.path {
        case "/live": return read(request) { .text(200, "alive") }
        case "/ready": return read(request, ready)
        case "/status": return read(request) { .json(200, controller.status().json) }
        case "/metrics": return read(request, metrics)
        case "/reload": return change(request, reloaded)
        default: break
        }
        if request.path.hasPrefix("/splits/") {
            return change(request) { shift(String(request.path.dropFirst(8)), request.body) }
        }
        return .error(
            404,
            "there is no \(request.path) here; there are /live, /ready, /status, /metrics,"
                + " and for POST /splits/NAME and /reload")
    }

    private func read(
        _ request: AdminRequest, _ answer: () -> AdminResponse
    ) -> AdminResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return methodNotAllowed(request, allow: "GET, HEAD")
        }
        return answer()
    }

    private func change(
        _ request: AdminRequest, _ answer: () -> AdminResponse
    ) -> AdminResponse {
        guard request.method == "POST" else { return methodNotAllowed(request, allow: "POST") }
        guard request.origin == .unixSocket else {
            let place = socketPath().map { "unix:\($0)" } ?? "which is off (admin: socket)"
            return .error(403, "changes are accepted over the Unix socket only, \(place)")
        }
        return answer()
    }

    private func methodNotAllowed(_ request: AdminRequest, allow: String) -> AdminResponse {
        var response = AdminResponse.error(
            405, "\(request.path) does not know \(request.method); it knows \(allow)")
        response.allow = allow
        return response
    }

    private func ready() -> AdminResponse {
        let reasons = controller.notReadyReasons()
        return reasons.isEmpty
            ? .text(200, "ready") : .text(503, "not ready\n" + reasons.joined(separator: "\n"))
    }

    private func metrics() -> AdminResponse {
        AdminResponse(
            200, contentType: PrometheusText.contentType, body: controller.metricsPage())
    }

    private func reloaded() -> AdminResponse {
        do throws(ControlError) {
            try reload()
        } catch {
            return .error(422, error.problems)
        }
        return .json(200, ["generation": .count(controller.generation)])
    }
}

/// Weights of splits.
extension AdminRoutes {
    private func shift(_ name: String, _ body: [UInt8]) -> AdminResponse {
        guard controller.splits.contains(where: { $0.name == name }) else {
            let known = controller.splits.map(\.name).joined(separator: ", ")
            return .error(
                404,
                "there is no split \"\(name)\"; "
                    + (known.isEmpty ? "the configuration has none" : "there is \(known)"))
        }
        do throws(JSONError) {
            let weights = try AdminRoutes.weights(in: try JSONValue(parsing: body))
            return shift(name, weights)
        } catch {
            return .error(400, "body: \(error)")
        }
    }

    private func shift(_ name: String, _ weights: [(pool: String, weight: Int)]) -> AdminResponse {
        do throws(ControlError) {
            try controller.shift(split: name, weights: weights)
        } catch {
            return .error(422, error.problems)
        }
        guard let split = controller.splits.first(where: { $0.name == name }) else {
            return .error(404, "there is no split \"\(name)\"")
        }
        return .json(200, Controller.splitReport(split).json)
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

    /// Whether a browser can only have meant this host. A page of a stranger can make a browser ask
    /// any address under a name of the stranger's own domain ("DNS rebinding"); an address, or a
    /// name without a dot, is never such a name.
    static func isSafe(host: String) -> Bool {
        if SocketAddress(numeric: host, port: 0) != nil { return true }
        let name = host.lowercased()
        return !name.contains(".") || name.hasSuffix(".localhost")
    }
}
