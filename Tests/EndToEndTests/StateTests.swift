import Glibc
import TestSupport
import Testing

@Suite struct StateTests {
    private func configuration(
        _ state: String, _ old: ScriptedReplica, _ new: ScriptedReplica
    ) -> String {
        """
        state: \(state)
        routes: [{ split: s }]
        splits: { s: { weights: { a: 1, b: 0 } } }
        pools:
          a: { discover: ["\(old.address)", "\(new.address)"] }
          b: { discover: "\(new.address)" }
        """
    }

    @Test("After SIGKILL weights, drains and pauses are as they were when the verbs returned")
    func killed() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let path = "\(folder.path)/state.json"
            let old = try bed.replica(ScriptedReplica.saying("old"))
            let new = try bed.replica(ScriptedReplica.saying("new"))
            let first = try WeirProcess(configuration(path, old, new))
            defer { first.remove() }
            try first.awaitReady(2, in: "a")
            #expect(try first.run("drain", "\(old.address)").exitCode == 0)
            #expect(try first.run("shift", "s", "a=3", "b=1").exitCode == 0)
            #expect(try first.run("pause", "b", "--wait-at-most", "1m").exitCode == 0)
            first.process.kill()

            let second = try bed.weir(configuration(path, old, new))
            try second.awaitReady(1, in: "a")
            try eventually("the drain is back") {
                try second.states(of: "a")["\(old.address)"] == "draining"
            }
            let status = try JSON(second.ask("/status").text)
            let weights = status["splits"][0]["weights"]
            #expect(weights[0]["weight"].int == 3 && weights[1]["weight"].int == 1)
            #expect(status["pools"].first("name", "b")["paused"] == .bool(true))
            #expect(status["pools"].first("name", "b")["wait_at_most_ms"].int == 60_000)
            #expect(try second.run("resume", "b").exitCode == 0)
            let client = try bed.connect(to: second)
            for _ in 0..<12 { #expect(try client.roundTrip(request("GET /")).text == "new") }
        }
    }

    @Test("A broken state file is set aside and named, and weir starts without it")
    func broken() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let path = "\(folder.path)/state.json"
            try TextFile.write("{\"version\": 1, \"splits\": [{\"na", to: path)
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                configuration(path, replica, replica).replacing(
                    ", \"\(replica.address)\"]", with: "]"))
            try weir.awaitReady(1, in: "a")
            #expect(weir.standardError.contains("\(path) is broken at byte 30"))
            #expect(try TextFile.read(path + ".broken").hasSuffix("{\"na"))
            #expect(try JSON(TextFile.read(path))["version"].int == 1)
        }
    }

    @Test("Where nothing can be written, one warning is said and everything else works")
    func unwritable() throws {
        try TestBed.run { bed in
            let old = try bed.replica(ScriptedReplica.saying("old"))
            let new = try bed.replica(ScriptedReplica.saying("new"))
            let weir = try bed.weir(configuration("/proc/weir/state.json", old, new))
            try weir.awaitReady(2, in: "a")
            for weight in 2...4 {
                #expect(try weir.run("shift", "s", "a=\(weight)").exitCode == 0)
            }
            let warnings = weir.standardError.split(separator: "\n").filter {
                $0.contains("state:")
            }
            #expect(warnings.count == 1, "\(warnings)")
        }
    }
}
