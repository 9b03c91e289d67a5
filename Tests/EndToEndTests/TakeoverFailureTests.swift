import Glibc
import TestSupport
import Testing

/// Upgrades that go wrong leave what runs as it is.
@Suite struct TakeoverFailureTests {
    /// A weir that was started by a symbolic link, which the test may lead elsewhere.
    private struct Stage {
        let folder: TemporaryFolder
        let weir: WeirProcess
        let wire: Wire
        var program: String { "\(folder.path)/weir" }

        init(_ bed: TestBed, _ configuration: String) throws {
            folder = try TemporaryFolder()
            guard unsafe symlink(WeirProgram.path, "\(folder.path)/weir") == 0 else {
                throw NotInTime("symlink: errno \(errno)")
            }
            weir = try bed.weir(configuration, program: "\(folder.path)/weir")
            try weir.awaitReady(1)
            wire = try bed.connect(to: weir)
            try ask()
        }

        /// The connection made at the start still serves, and so do new ones.
        func ask() throws {
            let fresh = try Wire(to: weir.address)
            defer { fresh.close() }
            for wire in [wire, fresh] {
                let answer = try wire.roundTrip(request("GET /"))
                guard answer.text == "ok", answer["connection"] == nil else {
                    throw NotInTime("got \(answer)")
                }
            }
        }

        func replace(by script: String, mode: mode_t = 0o755) throws {
            unsafe unlink(program)
            guard !script.isEmpty else { return }
            try TextFile.write("#!/bin/sh\n\(script)\n", to: program)
            unsafe chmod(program, mode)
        }

        func fail() throws -> String {
            let verb = try WeirProgram.run(
                ["upgrade", "--admin", "unix:\(weir.socketPath)"], within: 30)
            guard verb.exitCode == 1 else { throw NotInTime("exit \(verb.exitCode)") }
            try eventually("the log has it too") {
                weir.standardError.contains("upgrade failed, nothing changed: ")
            }
            try ask()
            return verb.error
        }
    }

    private func configuration(_ replica: ScriptedReplica) -> String {
        "pools: { web: { discover: \"\(replica.address)\" } }\nroutes: [{ pool: web }]"
    }

    @Test(
        "A new program that cannot serve leaves the old one serving, and says why",
        arguments: [
            ("exit 3", 0o755, "the new program exited with 3 before it served"),
            ("kill -SEGV $$", 0o755, "the new program was ended by signal 11 before it served"),
            ("exit 0", 0o644, "Permission denied"),
            ("", 0o755, "No such file or directory"),
        ] as [(String, mode_t, String)])
    func broken(script: String, mode: mode_t, reason: String) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let stage = try Stage(bed, configuration(replica))
            defer { stage.folder.remove() }
            try stage.replace(by: script, mode: mode)
            #expect(try stage.fail().contains(reason))
            unsafe unlink(stage.program)
            #expect(unsafe symlink(WeirProgram.path, stage.program) == 0)
            try stage.weir.upgrade()
        }
    }

    @Test("A new program that hangs is given up after 10 s; meanwhile there is no second upgrade")
    func hanging() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let stage = try Stage(bed, configuration(replica))
            defer { stage.folder.remove() }
            try stage.replace(by: "exec sleep 600")
            let verb = try Background {
                let problem = try stage.fail()
                guard problem.contains("did not serve within 10 s") else {
                    throw NotInTime(problem)
                }
            }
            try eventually("it is started") { stage.weir.standardError.contains("as process") }
            let second = try stage.weir.run("upgrade")
            #expect(second.exitCode == 1)
            #expect(second.error.contains("an upgrade is under way"))
            #expect(try stage.weir.run("reload").exitCode == 1)
            try stage.ask()
            try verb.join()
        }
    }

    @Test("A wrong configuration is said by the verb, and the next upgrade may be right")
    func configuration() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let stage = try Stage(bed, configuration(replica))
            defer { stage.folder.remove() }
            try stage.weir.rewrite(configuration(replica) + "\nworkers: many")
            let problem = try stage.fail()
            #expect(problem.contains("\(stage.weir.configurationPath):"))
            #expect(problem.contains("workers: found 'many'"))
            let taken = try bed.replica(ScriptedReplica.saying("taken"))
            try stage.weir.rewrite(
                "listeners: { web: { bind: \"\(taken.address)\" } }\n" + configuration(replica))
            #expect(try stage.fail().contains("another program, or another weir, listens there"))
            #expect(try stage.weir.run("status").exitCode == 0)
            try stage.weir.rewrite(configuration(replica))
            try stage.weir.upgrade()
            #expect(try stage.wire.roundTrip(request("GET /")).text == "ok")
        }
    }

    @Test("SIGUSR2 does what the verb does, and SIGTERM meanwhile gives the upgrade up")
    func signals() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let stage = try Stage(bed, configuration(replica))
            defer { stage.folder.remove() }
            try stage.replace(by: "exec sleep 600")
            stage.weir.process.signal(SIGUSR2)
            try eventually("it is started") { stage.weir.standardError.contains("as process") }
            stage.wire.close()
            #expect(try stage.weir.terminate() == 0)
            #expect(stage.weir.standardError.contains("this process was told to end"))
        }
    }
}
