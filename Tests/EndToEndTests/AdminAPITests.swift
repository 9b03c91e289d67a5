import TestSupport
import Testing
import Transport

/// The running program against its own description, and the verbs over TCP.
@Suite struct AdminAPITests {
    private static let token = "a-token-for-this-very-test"

    private struct Site {
        var admin: SocketAddress
        var tokenPath: String
        var replica: String

        /// Asks as a stranger would, or with the token.
        func ask(
            _ method: String, _ target: String, _ body: String = "", token: String? = nil,
            host: String = "localhost"
        ) throws -> WireMessage {
            let wire = try Wire(to: admin)
            defer { wire.close() }
            let shown = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
            return try wire.roundTrip(
                "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n\(shown)Connection: close\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        func run(_ arguments: String...) throws -> FinishedCommand {
            try WeirProgram.run(
                arguments + ["--admin", "http://\(admin)", "--token-file", tokenPath])
        }
    }

    /// A weir with the pools `a` (two replicas) and `b`, and a split over them.
    private func run(_ body: (Site, TestBed) throws -> Void) throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let path = "\(folder.path)/token"
            try TextFile.write(Self.token, to: path)
            let replicas = try (0..<2).map { _ in try bed.replica(ScriptedReplica.saying("ok")) }
            let admin = LoopbackAddress.unique(port: 9900)
            _ = try bed.weir(
                """
                admin: { bind: "\(admin)", socket: off, token_file: \(path) }
                routes: [{ split: s }]
                splits: { s: { weights: { a: 1, b: 0 } } }
                pools:
                  a: { discover: ["\(replicas[0].address)", "\(replicas[1].address)"] }
                  b: { discover: "\(replicas[1].address)", hold: off }
                """)
            let site = Site(
                admin: admin, tokenPath: path, replica: "\(replicas[0].address)")
            let ready = try site.run("wait", "a", "--ready", "2", "--timeout", "10s")
            guard ready.exitCode == 0 else { throw NotInTime("\(ready)") }
            try body(site, bed)
        }
    }

    /// A request to each path and method, and what the answer's status must be.
    private func samples(_ replica: String) -> [(String, target: String, body: String, Int)] {
        [
            ("GET /live", "/live", "", 200), ("GET /ready", "/ready", "", 200),
            ("GET /status", "/status", "", 200), ("GET /metrics", "/metrics", "", 200),
            ("GET /openapi.json", "/openapi.json", "", 200), ("GET /", "/", "", 200),
            ("POST /drain", "/drain", "{\"replicas\":[\"\(replica)\"]}", 200),
            ("POST /drain", "/drain", "{\"replicas\":[\"app-7\"]}", 409),
            ("POST /drain", "/drain", "{\"replica\":[]}", 400),
            ("POST /drain", "/drain", "{\"replicas\":[],\"tunnels_ms\":-1}", 400),
            ("POST /undrain", "/undrain", "{\"replicas\":[\"\(replica)\"],\"pool\":\"a\"}", 200),
            ("POST /undrain", "/undrain", "{\"replicas\":[\"\(replica)\"],\"pool\":\"x\"}", 409),
            ("POST /undrain", "/undrain", "{\"replicas\":", 400),
            ("POST /drain/self", "/drain/self", "", 403),
            ("POST /drain/self", "/drain/self?wait=long", "", 400),
            ("POST /pools/{pool}/pause", "/pools/a/pause", "{\"wait_at_most_ms\":5000}", 200),
            ("POST /pools/{pool}/pause", "/pools/x/pause", "", 404),
            ("POST /pools/{pool}/pause", "/pools/b/pause", "", 422),
            ("POST /pools/{pool}/pause", "/pools/a/pause", "7", 400),
            ("POST /pools/{pool}/resume", "/pools/a/resume", "", 200),
            ("POST /pools/{pool}/resume", "/pools/x/resume", "", 404),
            ("GET /rollouts", "/rollouts", "", 200),
            ("GET /rollouts/{split}", "/rollouts/s", "", 404),
            ("POST /rollouts/{split}/pause", "/rollouts/s/pause", "", 409),
            ("POST /rollouts/{split}/start", "/rollouts/s/start", "{\"to\":\"c\"}", 422),
            ("POST /rollouts/{split}/start", "/rollouts/s/start", "{", 400),
            ("POST /rollouts/{split}/start", "/rollouts/s/start", "{\"to\":\"b\"}", 200),
            ("GET /rollouts/{split}", "/rollouts/s", "", 200),
            ("GET /rollouts", "/rollouts", "", 200),
            ("POST /rollouts/{split}/pause", "/rollouts/s/pause", "", 200),
            ("POST /rollouts/{split}/resume", "/rollouts/s/resume", "", 200),
            ("POST /rollouts/{split}/abort", "/rollouts/s/abort", "", 200),
            ("POST /rollouts/{split}/promote", "/rollouts/s/promote", "", 409),
            ("POST /rollouts/{split}/promote", "/rollouts/x/promote", "", 404),
            ("POST /splits/{split}", "/splits/s", "{\"weights\":{\"b\":1}}", 200),
            ("POST /splits/{split}", "/splits/x", "{}", 404),
            ("POST /splits/{split}", "/splits/s", "[]", 400),
            ("POST /splits/{split}", "/splits/s", "{\"weights\":{\"x\":1}}", 422),
            ("POST /reload", "/reload", "", 200),
        ]
    }

    @Test("Every path and method answers as the served description says, in status and shape")
    func described() throws {
        try run { site, _ in
            let document = try JSON(site.ask("GET", "/openapi.json").text.trimmed)
            var operations: Set<String> = []
            for (path, item) in document["paths"].members {
                for method in item.members.keys where method != "parameters" {
                    operations.insert("\(method.uppercased()) \(path)")
                }
            }
            // One that never ends, and one that ends this process, have tests of their own.
            operations.subtract(["GET /events", "POST /upgrade"])
            var samples = samples(site.replica)
            for file in operations where file.hasPrefix("GET /dashboard/") {
                samples.append((file, target: String(file.dropFirst(4)), body: "", 200))
            }
            #expect(Set(samples.map(\.0)) == operations)
            for (operation, target, body, status) in samples {
                let parts = operation.split(separator: " ").map(String.init)
                let answer = try site.ask(parts[0], target, body, token: Self.token)
                #expect(answer.status == status, "\(operation) \(body): \(answer.text)")
                let described = document["paths"][parts[1]][parts[0].lowercased()]
                try check(answer, described["responses"], document, "\(operation) \(status)")
                guard parts[0] == "POST", target != "/drain/self",
                    !target.hasPrefix("/drain/self")
                else { continue }
                let refused = try site.ask(parts[0], target, body)
                #expect(refused.status == 401)
                try check(refused, described["responses"], document, "\(operation) 401")
                let forged = try site.ask(
                    parts[0], target, body, token: Self.token, host: "weir.evil.example")
                #expect(forged.status == 403)
                try check(forged, described["responses"], document, "\(operation) 403")
            }
        }
    }

    private func check(
        _ answer: WireMessage, _ responses: JSON, _ document: JSON, _ place: String
    ) throws {
        let status = answer.status ?? 0
        let response = responses["\(status)"]
        guard response != .null else {
            Issue.record("\(place): status \(status) is not described")
            return
        }
        let type = answer["content-type"].map { String($0.prefix { $0 != ";" }) } ?? ""
        guard response["content"].members.keys.contains(type) else {
            Issue.record("\(place): \(type) is not described")
            return
        }
        guard type == "application/json" else { return }
        let schema = response["content"][type]["schema"]
        let value = try JSON(answer.text.trimmed)
        for problem in SchemaCheck(document: document).problems(value, schema, place) {
            Issue.record("\(problem)")
        }
    }

    @Test("The verbs work over TCP with the token, and are refused without it")
    func verbs() throws {
        try run { site, _ in
            let verbs = [
                ["drain", site.replica, "--pool", "a"], ["undrain", site.replica],
                ["pause", "a"], ["resume", "a"], ["shift", "s", "b=1", "--wait"], ["reload"],
            ]
            for verb in verbs {
                let json = verb + ["--json", "--admin", "http://\(site.admin)"]
                let done = try WeirProgram.run(json + ["--token-file", site.tokenPath])
                #expect(done.exitCode == 0, "\(verb): \(done)")
                #expect(try JSON(done.output.trimmed)["generation"].int.map { $0 > 0 } == true)
                let refused = try WeirProgram.run(json)
                #expect(refused.exitCode == 1, "\(verb)")
                #expect(refused.error.contains("Authorization: Bearer"), "\(refused.error)")
                let wrong = try WeirProgram.run(json + ["--token-file", "/nowhere"])
                #expect(wrong.exitCode == 1 && wrong.error.contains("/nowhere"))
            }
            let wait = try WeirProgram.run(
                "wait", "a", "--ready", "9", "--timeout", "200ms", "--json", "--admin",
                "http://\(site.admin)")
            #expect(wait.exitCode == 3)
            #expect(try JSON(wait.output.trimmed)["done"] == .bool(false))
            let version = try WeirProgram.run("version", "--json")
            #expect(try JSON(version.output.trimmed)["version"].string?.isEmpty == false)
            for verb in [["pause"], ["resume"], ["undrain"], ["wait", "a"], ["shift", "s"]] {
                #expect(try WeirProgram.run(verb).exitCode == 2, "\(verb)")
            }
            for verb in [
                ["pause", "x"], ["resume", "x"], ["shift", "x", "a=1"], ["undrain", "x"],
            ] {
                let refused = try WeirProgram.run(
                    verb + ["--admin", "http://\(site.admin)", "--token-file", site.tokenPath])
                #expect(refused.exitCode == 1, "\(verb): \(refused)")
            }
        }
    }
}

/// As much of JSON Schema as the description uses.
struct SchemaCheck {
    let document: JSON

    func problems(_ value: JSON, _ schema: JSON, _ place: String) -> [String] {
        if let reference = schema["$ref"].string {
            let name = String(reference.drop { $0 != "/" }.split(separator: "/").last ?? "")
            return problems(value, document["components"]["schemas"][name], place)
        }
        var found = schema["allOf"].array.flatMap { problems(value, $0, place) }
        let types = schema["type"].string.map { [$0] } ?? schema["type"].array.compactMap(\.string)
        if !types.isEmpty, !types.contains(where: { isOf($0, value) }) {
            return found + ["\(place): \(value) is not \(types)"]
        }
        for name in schema["required"].array.compactMap(\.string)
        where value.members[name] == nil { found.append("\(place): no \(name)") }
        for (name, member) in value.members {
            guard let inner = schema["properties"].members[name] else { continue }
            found += problems(member, inner, "\(place).\(name)")
        }
        for (index, element) in value.array.enumerated() where schema["items"] != .null {
            found += problems(element, schema["items"], "\(place).\(index)")
        }
        return found
    }

    private func isOf(_ type: String, _ value: JSON) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool),
            ("number", .number), ("null", .null):
            true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }
}

extension String {
    /// Without the line end.
    fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}

extension JSON {
    fileprivate var members: [String: JSON] {
        if case .object(let members) = self { members } else { [:] }
    }
}
