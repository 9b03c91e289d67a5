import Glibc
import TestSupport
import Testing
import Transport

/// Rollouts through the real program, between real connections.
@Suite struct RolloutTests {
    /// One weir with a stable pool and a canary, and clients that never stop asking.
    struct Stage {
        let weir: WeirProcess
        let traffic: Traffic

        /// Latency is judged only where `plan` says so: the replicas are threads of this process,
        /// and which of them a busy machine lets wait is nothing that a canary can help.
        ///
        /// - Parameter plan: the inside of `rollouts: { app: { … } }`.
        init(
            _ bed: TestBed, plan: String, clients: Int = 4,
            stable: @escaping ScriptedReplica.Script = ScriptedReplica.saying("stable"),
            canary: @escaping ScriptedReplica.Script = ScriptedReplica.saying("canary")
        ) throws {
            let replicas = (try bed.replica(stable), try bed.replica(canary))
            let latency = plan.contains("max_latency_ratio") ? "" : ", max_latency_ratio: off"
            weir = try bed.weir(
                """
                routes: [{ split: app }]
                splits: { app: { weights: { stable: 1, canary: 0 } } }
                rollouts: { app: { to: canary, \(plan)\(latency) } }
                pools:
                  stable: { discover: "\(replicas.0.address)", ejection: off }
                  canary: { discover: "\(replicas.1.address)", ejection: off }
                """)
            try weir.awaitReady(1, in: "stable")
            try weir.awaitReady(1, in: "canary")
            traffic = try Traffic(to: weir.address, clients: clients)
        }

        func report() throws -> JSON { try JSON(try weir.ask("/rollouts/app").text) }

        func await(_ state: String, within seconds: Double = 30) throws -> JSON {
            var seen = JSON.null
            try eventually(within: seconds, "the rollout is \(state): \(seen)") {
                seen = try report()
                return seen["state"].string == state
            }
            return seen
        }

        /// Milliseconds from the moment when the canary had `requests` to its abort; 0 if it was
        /// aborted before.
        func abortTime(after requests: Int) throws -> Int {
            var enough: Instant?
            var seen = JSON.null
            try eventually(within: 60, "the canary is aborted: \(seen)") {
                seen = try report()
                if enough == nil, seen["canary"]["requests"].int ?? 0 >= requests {
                    enough = .now()
                }
                return seen["state"].string == "aborted"
            }
            return enough.map { Instant.now().milliseconds(since: $0) } ?? 0
        }

        /// What the next requests are answered, each after the other.
        func next(_ count: Int) throws -> Set<String> {
            let wire = try Wire(to: weir.address)
            defer { wire.close() }
            return Set(try (0..<count).map { _ in try wire.roundTrip(request("GET /")).text })
        }

        func verb(_ verb: String, _ more: String...) throws -> FinishedCommand {
            try WeirProgram.run(
                ["rollout", verb, "app"] + more + ["--admin", "unix:\(weir.socketPath)"],
                within: 60)
        }
    }

    /// Answers with 500 to each `period`th request, else 200.
    private static func failing(each period: Int) -> ScriptedReplica.Script {
        let count = Guarded(0)
        return ScriptedReplica.serving { _ in
            let number = count.withLock { count -> Int in
                count += 1
                return count
            }
            return number % period == 0
                ? Reply("canary", status: "500 Internal Server Error") : Reply("canary")
        }
    }

    /// Takes `milliseconds` for each 40th request, else none.
    private static func slow(_ milliseconds: UInt32, _ name: String) -> ScriptedReplica.Script {
        let count = Guarded(0)
        return ScriptedReplica.serving { _ in
            let number = count.withLock { count -> Int in
                count += 1
                return count
            }
            if number % 40 == 0 { usleep(milliseconds * 1_000) }
            return Reply(name)
        }
    }

    @Test("A good canary reaches 100 %, step by step, and --wait says so with exit code 0")
    func good() throws {
        try TestBed.run { bed in
            let stage = try Stage(
                bed, plan: "steps: [10, 50, 100], every: 500ms, min_requests: 200")
            let finished = try stage.verb("start", "--wait")
            #expect(finished.exitCode == 0, "\(finished)")
            #expect(finished.output.contains("succeeded"))
            #expect(try stage.next(20) == ["canary"])
            let timeline = try stage.report()["timeline"].array
            let events = timeline.map { $0["event"].string ?? "" }
            #expect(
                events == [
                    "started", "step", "passed", "step", "passed", "step", "passed", "succeeded",
                ])
            let shares = timeline.filter { $0["event"].string == "step" }.map { $0["percent"].int }
            #expect(shares == [10, 50, 100])
            #expect(timeline[2]["canary"]["requests"].int ?? 0 >= 200)
            try stage.traffic.stop()
            #expect(stage.traffic.answers.keys.sorted() == ["200 canary", "200 stable"])
        }
    }

    @Test("A canary with 2 % more errors is aborted within 2 s after the minimum sample")
    func errors() throws {
        try TestBed.run { bed in
            let stage = try Stage(
                bed, plan: "steps: [50, 100], every: 60s, min_requests: 1600",
                canary: Self.failing(each: 50))
            #expect(try stage.verb("start").exitCode == 0)
            #expect(try stage.abortTime(after: 1_600) <= 2_000)
            #expect(try stage.next(40) == ["stable"])
            let report = try stage.report()
            #expect(report["cause"].string?.hasPrefix("errors ") == true, "\(report)")
            #expect(stage.weir.standardError.contains("rollout=app aborted at 50 % cause=\"errors"))
            try stage.traffic.stop()
        }
    }

    @Test("A canary whose 99th percentile is doubled is aborted within 2 s after the same")
    func latency() throws {
        try TestBed.run { bed in
            let stage = try Stage(
                bed,
                plan: "steps: [50, 100], every: 60s, min_requests: 1600, settle: 100ms,"
                    + " max_latency_ratio: 1.5",
                clients: 8, stable: Self.slow(40, "stable"), canary: Self.slow(80, "canary"))
            #expect(try stage.verb("start").exitCode == 0)
            #expect(try stage.abortTime(after: 1_600) <= 2_000)
            #expect(try stage.next(40) == ["stable"])
            let report = try stage.report()
            #expect(report["cause"].string?.hasPrefix("99 % within") == true, "\(report)")
            try stage.traffic.stop()
        }
    }

    @Test("An operator's abort acts on the next request; --wait of the start exits with 1")
    func abort() throws {
        try TestBed.run { bed in
            let stage = try Stage(bed, plan: "steps: [50, 100], every: 1h")
            let waiting = Guarded<FinishedCommand?>(nil)
            let start = try Background {
                let finished = try stage.verb("start", "--wait")
                waiting.withLock { $0 = finished }
            }
            _ = try stage.await("running")
            #expect(try stage.next(40) == ["stable", "canary"])
            #expect(try stage.verb("abort").exitCode == 0)
            #expect(try stage.next(40) == ["stable"])
            try start.join()
            let finished = try #require(waiting.withLock { $0 })
            #expect(finished.exitCode == 1)
            #expect(finished.error.contains("aborted: operator"))
            #expect(try stage.verb("abort").exitCode == 1)
            try stage.traffic.stop()
        }
    }

    @Test("Pause, resume, promote, a time-out of --wait, and --json")
    func verbs() throws {
        try TestBed.run { bed in
            let stage = try Stage(bed, plan: "steps: [20, 100], every: 300ms, min_requests: 20")
            #expect(try stage.verb("status").exitCode == 1)
            #expect(try stage.verb("pause").exitCode == 1)
            #expect(try stage.verb("start", "--to", "nobody").error.contains("no pool \"nobody\""))
            #expect(try stage.verb("start", "--steps", "50,5").exitCode == 1)
            #expect(try stage.verb("start", "--steps", "a").exitCode == 2)

            #expect(try stage.verb("start", "--every", "1h", "--json").exitCode == 0)
            #expect(try stage.verb("start").error.contains("under way"))
            let timedOut = try stage.verb("status", "--wait", "--timeout", "300ms")
            #expect(timedOut.exitCode == 3)
            let paused = try stage.verb("pause", "--json")
            #expect(try JSON(paused.output)["paused"] == .bool(true))
            #expect(try stage.verb("resume", "--json").exitCode == 0)
            #expect(try stage.verb("status").output.contains("canary"))
            #expect(try stage.verb("promote").exitCode == 0)
            #expect(try stage.next(20) == ["canary"])

            #expect(try stage.weir.run("shift", "app", "stable=1", "canary=0").exitCode == 0)
            #expect(try stage.verb("start", "--every", "1h").exitCode == 0)
            #expect(try stage.weir.run("shift", "app", "canary=3").exitCode == 0)
            let ended = try stage.report()
            #expect(ended["state"].string == "ended")
            #expect(ended["cause"].string == "operator: the split was shifted")
            let metrics = try stage.weir.ask("/metrics").text
            #expect(metrics.contains("weir_rollout_state{split=\"app\",state=\"ended\"} 1\n"))
            #expect(try stage.weir.run("status").output.contains("ROLLOUT  app -> canary"))
            try stage.traffic.stop()
        }
    }

    @Test("Hooks: one before each step, which waits for its answer, and one after success")
    func hooks() throws {
        try TestBed.run { bed in
            let calls = Guarded<[String]>([])
            let isOpen = Flag()
            let server = try bed.replica(
                ScriptedReplica.serving { request in
                    let body = try JSON(request.text)
                    let percent = body["percent"].int ?? -1
                    calls.withLock { $0.append("\(request.target) \(percent)") }
                    return isOpen.isSet ? Reply("ok") : Reply("no", status: "409 Conflict")
                })
            let hooks =
                "hooks: { before_step: \"http://\(server.address)/before\","
                + " after_success: \"http://\(server.address)/success\","
                + " after_abort: \"http://\(server.address)/abort\" }"
            let stage = try Stage(
                bed, plan: "steps: [50, 100], every: 300ms, min_requests: 20, \(hooks)")
            #expect(try stage.verb("start").exitCode == 0)
            try eventually("the hook is called") { calls.withLock { $0.count } > 1 }
            let asking = try stage.report()
            #expect(asking["state"].string == "asking")
            #expect(asking["waiting_for"].string?.contains("status 409") == true)
            #expect(try stage.next(20) == ["stable"])
            isOpen.set()
            _ = try stage.await("succeeded")
            try eventually("the hook is called") { calls.withLock { $0.last } == "/success 100" }
            let seen = calls.withLock { $0 }
            #expect(seen.drop { $0 == "/before 50" } == ["/before 100", "/success 100"])

            #expect(try stage.weir.run("shift", "app", "stable=1", "canary=0").exitCode == 0)
            #expect(try stage.verb("start", "--every", "1h").exitCode == 0)
            _ = try stage.await("running")
            #expect(try stage.verb("abort").exitCode == 0)
            try eventually("the hook is called") { calls.withLock { $0.last } == "/abort 50" }
            try stage.traffic.stop()
        }
    }

    @Test("SIGKILL in the middle of a rollout: the next weir resumes it at the same step")
    func killed() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let stable = try bed.replica(ScriptedReplica.saying("stable"))
            let canary = try bed.replica(ScriptedReplica.saying("canary"))
            let configuration = """
                state: \(folder.path)/state.json
                routes: [{ split: app }]
                splits: { app: { weights: { stable: 1, canary: 0 } } }
                rollouts:
                  app: { to: canary, steps: [5, 25, 100], every: 300ms, min_requests: 40,
                         max_latency_ratio: off }
                pools:
                  stable: { discover: "\(stable.address)" }
                  canary: { discover: "\(canary.address)" }
                """
            let first = try WeirProcess(configuration)
            defer { first.remove() }
            try first.awaitReady(1, in: "canary")
            #expect(try first.run("rollout", "start", "app").exitCode == 0)
            // No step is judged without requests, so the third cannot pass before it is seen.
            let asking = try bed.connect(to: first)
            try eventually(within: 40, "the second step is taken") {
                for _ in 0..<40 { _ = try asking.roundTrip(request("GET /")) }
                return try JSON(first.ask("/rollouts/app").text)["percent"].int == 25
            }
            #expect(try first.run("rollout", "pause", "app").exitCode == 0)
            first.process.kill()

            let second = try bed.weir(configuration)
            try second.awaitReady(1, in: "stable")
            try second.awaitReady(1, in: "canary")
            let report = try JSON(second.ask("/rollouts/app").text)
            #expect(report["state"].string == "running")
            #expect(report["paused"] == .bool(true))
            #expect(report["percent"].int == 25)
            #expect(report["steps_taken"].int == 2)
            let wire = try bed.connect(to: second)
            var canaries = 0
            for _ in 0..<40 where try wire.roundTrip(request("GET /")).text == "canary" {
                canaries += 1
            }
            #expect(canaries == 10)

            let more = try Traffic(to: second.address)
            #expect(try second.run("rollout", "resume", "app").exitCode == 0)
            let waited = try second.run("rollout", "status", "app", "--wait", "--timeout", "30s")
            #expect(waited.exitCode == 0, "\(waited)")
            let events = try JSON(second.ask("/rollouts/app").text)["timeline"].array.map {
                $0["event"].string ?? ""
            }
            #expect(
                events == [
                    "started", "step", "passed", "step", "paused", "restored", "resumed", "passed",
                    "step", "passed", "succeeded",
                ])
            try more.stop()
        }
    }
}
