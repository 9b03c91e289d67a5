import TestSupport
import Testing

@Suite struct CommandTests {
    /// Writes `text` to a file, runs `weir check` on it.
    private func check(_ text: String) throws -> (FinishedCommand, path: String) {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/weir.yaml"
        try TextFile.write(text, to: path)
        return (try WeirProgram.run("check", path), path)
    }

    @Test("check says nothing is wrong with exit code 0")
    func checkGood() throws {
        let (finished, _) = try check(
            """
            listeners: { web: { bind: ":8080" } }
            pools: { web: { discover: "app:8080" } }
            """)
        #expect(finished.exitCode == 0, "\(finished)")
    }

    @Test("check reports every problem as FILE:LINE:COLUMN, with a suggestion, and exits with 1")
    func checkBad() throws {
        let (finished, path) = try check(
            """
            listeners: { web: { bind: ":8080" } }
            pools:
              web:
                discover: "app:8080"
                balanse: round-robin
                probe: { http: healthz }
            routes:
              - { path: /, pool: wob }
            """)
        #expect(finished.exitCode == 1)
        let lines = (finished.output + finished.error).split(separator: "\n").map(String.init)
        #expect(
            lines.contains { $0.hasPrefix("\(path):5:5: ") && $0.contains("balance") }, "\(lines)")
        #expect(
            lines.contains { $0.hasPrefix("\(path):6:20: ") && $0.contains("healthz") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("\(path):8:22: ") && $0.contains("web") }, "\(lines)")
    }

    @Test("check of text that is no YAML, and of no file at all, is 1 and says why")
    func checkHopeless() throws {
        let (finished, path) = try check("listeners: { web: [\n")
        #expect(finished.exitCode == 1)
        #expect((finished.output + finished.error).contains("\(path):"))
        let missing = try WeirProgram.run("check", "/nowhere/weir.yaml")
        #expect(missing.exitCode == 1)
        #expect((missing.output + missing.error).contains("/nowhere/weir.yaml"))
    }

    @Test("run refuses a wrong file with the same words and does not start")
    func runBad() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/weir.yaml"
        try TextFile.write("listeners: { web: { bind: \":8080\" } }\npolls: {}\n", to: path)
        let finished = try WeirProgram.run("run", "-c", path)
        #expect(finished.exitCode == 1)
        #expect(finished.error.contains("\(path):2:1: "))
        #expect(finished.error.contains("pools"))
    }

    @Test("An address that is taken is a clear refusal")
    func taken() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let finished = try WeirProgram.run(
                "run", "--listen", "\(replica.address)", "--to", "127.0.0.1:1")
            #expect(finished.exitCode == 1)
            #expect(finished.error.contains("\(replica.address)"))
            #expect(finished.error.contains("in use"))
        }
    }

    @Test("Wrong usage is exit code 2")
    func usage() throws {
        for arguments in [
            ["frobnicate"], ["run", "--nonsense"], ["check"], ["shift"],
            ["rollout", "start", "s", "--max-latency-ratio", "nan"],
            ["rollout", "start", "s", "--max-latency-ratio", "inf"],
        ] {
            let finished = try WeirProgram.run(arguments)
            #expect(finished.exitCode == 2, "\(arguments): \(finished)")
            #expect(!finished.error.isEmpty)
        }
    }

    @Test("version and help answer with exit code 0")
    func help() throws {
        let version = try WeirProgram.run("version")
        #expect(version.exitCode == 0 && version.output.contains("weir"))
        let help = try WeirProgram.run("--help")
        #expect(help.exitCode == 0 && help.output.contains("run"))
    }

    @Test("status tells the same as text and as JSON, and 1 if no weir answers")
    func status() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            try weir.awaitReady(1)
            let json = try weir.run("status", "--json")
            #expect(json.exitCode == 0)
            let status = try JSON(json.output.dropLast())
            #expect(status["listeners"].first("name", "web")["bind"].string == "\(weir.address)")
            let seen = status["pools"].first("name", "web")["replicas"][0]
            #expect(seen["address"].string == "\(replica.address)")
            #expect(seen["state"].string == "ready")
            #expect(seen["cause"].string?.isEmpty == false)
            let text = try weir.run("status")
            #expect(text.exitCode == 0)
            #expect(text.output.contains("\(replica.address)") && text.output.contains("ready"))
            let nobody = try WeirProgram.run("status", "--admin", "unix:/nowhere/admin.sock")
            #expect(nobody.exitCode == 1 && nobody.error.contains("/nowhere/admin.sock"))
        }
    }

    @Test("wait returns when replicas are ready, and 3 when they are not in time")
    func wait() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let ready = try weir.run("wait", "web", "--ready", "1", "--timeout", "5s")
            #expect(ready.exitCode == 0, "\(ready)")
            let never = try weir.run("wait", "web", "--ready", "2", "--timeout", "300ms")
            #expect(never.exitCode == 3, "\(never)")
        }
    }

    @Test("explain names the route, the pool and the replicas of a URL")
    func explain() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/weir.yaml"
        try TextFile.write(
            """
            listeners: { web: { bind: ":8080" } }
            routes: [{ pool: web }, { path: /v1, pool: api }]
            pools: { web: { discover: "app:8080" }, api: { discover: "10.0.0.9:9090" } }
            """, to: path)
        let finished = try WeirProgram.run("explain", "-c", path, "http://a.example/v1/x")
        #expect(finished.exitCode == 0, "\(finished)")
        #expect(finished.output.contains("api") && finished.output.contains("10.0.0.9:9090"))
    }

    @Test("explain tells what pins, cookies and hashes decide within a split")
    func explainSplit() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/weir.yaml"
        try TextFile.write(
            """
            listeners: { web: { bind: ":8080" } }
            routes: [{ split: s }, { path: /hash, split: h }]
            splits:
              s:
                weights: { a: 60, b: 40, c: 0 }
                sticky: cookie
                pin: [{ header: x-c, pool: c }, { cookie: beta, pool: b }]
              h: { weights: { a: 100, b: 0 }, sticky: { hash: { header: x-user } } }
            pools: { a: { discover: "a:1" }, b: { discover: "b:1" }, c: { discover: "c:1" } }
            """, to: path)
        func explain(_ path: String, _ headers: String...) throws -> String {
            let fields = headers.flatMap { ["-H", $0] }
            let finished = try WeirProgram.run(
                ["explain", "-c", "\(folder.path)/weir.yaml"] + fields
                    + ["--admin", "unix:\(folder.path)/none.sock", "http://x\(path)"])
            #expect(finished.exitCode == 0, "\(finished)")
            return finished.output
        }
        #expect(try explain("/").contains("no cookie weir_s: it takes a turn"))
        #expect(try explain("/", "x-c: always").contains("says always: c, whatever its weight"))
        #expect(try explain("/", "cookie: beta=never").contains("says never: not b"))
        #expect(try explain("/", "x-c: maybe").contains("neither always nor never"))
        #expect(try explain("/", "cookie: weir_s=7").contains("not one that weir set"))
        let slots = try explain("/", "cookie: weir_s=7.0000000000000000")
        #expect(slots.contains("tells slot 7, which belongs to "), "\(slots)")
        #expect(try explain("/hash").contains("it takes a turn"))
        let hashed = try explain("/hash", "x-user: ann")
        #expect(hashed.contains("gives slot ") && hashed.contains("which belongs to a"))
    }
}
