import Glibc
import TestSupport
import Testing
import Transport

/// A new process takes the place of the one that runs, through the real program.
@Suite struct TakeoverTests {
    /// Clients that count what fails and go on: half of them keep their connection, half make one
    /// for each request.
    final class Load: Sendable {
        private let counted = Guarded((answered: 0, failures: [String]()))
        private let isStopped = Flag()
        private let clients = Guarded<[Background]>([])

        var answered: Int { counted.withLock(\.answered) }
        var failures: [String] { counted.withLock(\.failures) }

        init(to address: SocketAddress, clients count: Int = 6) throws {
            for number in 0..<count {
                let client = try Background { [self] in
                    while !isStopped.isSet {
                        do {
                            try number.isMultiple(of: 2) ? keep(address) : renew(address)
                        } catch {
                            counted.withLock { $0.failures.append("client \(number): \(error)") }
                        }
                    }
                }
                clients.withLock { $0.append(client) }
            }
        }

        func stop() throws {
            isStopped.set()
            for client in clients.withLock({ $0 }) { try client.join() }
        }

        private func keep(_ address: SocketAddress) throws {
            let wire = try Wire(to: address)
            defer { wire.close() }
            while !isStopped.isSet, try ask(wire, "POST /", "x") {}
        }

        private func renew(_ address: SocketAddress) throws {
            let wire = try Wire(to: address)
            defer { wire.close() }
            _ = try ask(wire, "GET /", "")
        }

        /// False if the answer says that the connection ends.
        private func ask(_ wire: Wire, _ line: String, _ body: String) throws -> Bool {
            let answer = try wire.roundTrip(request(line, body: body))
            guard answer.status == 200 else { throw NotInTime("got \(answer)") }
            counted.withLock { $0.answered += 1 }
            return answer["connection"]?.lowercased() != "close"
        }
    }

    /// Fifty of each with the program that is shipped; the others are slow.
    private static let rounds = WeirProgram.isDebug || WeirProgram.isSanitized ? 10 : 50

    private func configuration(_ path: String, _ replica: ScriptedReplica) -> String {
        """
        limits: { requests_per_connection: 1000000 }
        routes: [{ path: "\(path)", pool: web }]
        pools: { web: { discover: "\(replica.address)" } }
        """
    }

    @Test("Fifty upgrades and fifty reloads under load fail no request, and lose no count")
    func manyUpgrades() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(configuration("/", replica), workers: 3)
            try weir.awaitReady(1)
            let load = try Load(to: weir.address)
            for round in 0..<Self.rounds {
                try weir.upgrade()
                let seen = load.answered
                let other = round.isMultiple(of: 2) ? "\nshutdown_timeout: 20s" : ""
                try weir.rewrite(configuration("/", replica) + other)
                #expect(try weir.run("reload").exitCode == 0)
                try eventually("traffic goes on") { load.answered > seen + 10 }
            }
            try load.stop()
            #expect(load.failures.count == 0, "\(load.failures.prefix(5))")
            #expect(load.answered > Self.rounds * 10)
            try eventually(within: 10, "the old ones have ended: \(weir.runningProcesses)") {
                weir.runningProcesses == [weir.servingProcess]
            }
            try eventually("every request is counted, over all processes") {
                let pool = try JSON(weir.ask("/status").text)["pools"][0]
                return pool["requests"].int == load.answered
            }
        }
    }

    @Test("Another number of workers leaves no socket without somebody who accepts")
    func workers() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir("workers: 3\n" + configuration("/", replica), workers: nil)
            for workers in [1, 4, 2] {
                try weir.rewrite("workers: \(workers)\n" + configuration("/", replica))
                try weir.upgrade()
                for _ in 0..<40 {
                    let wire = try Wire(to: weir.address)
                    #expect(try wire.roundTrip(request("GET /")).text == "ok")
                    wire.close()
                }
                let status = try JSON(weir.ask("/status").text)
                #expect(status["workers"].array.count == workers)
            }
        }
    }

    @Test("The new process serves at once, while its first probes are still unanswered")
    func health() throws {
        try TestBed.run { bed in
            let isSlow = Flag()
            let replica = try bed.replica(
                ScriptedReplica.serving { request in
                    if request.target == "/healthz", isSlow.isSet { usleep(1_500_000) }
                    return Reply("ok")
                })
            let weir = try bed.weir(
                to: replica, pool: "probe: { http: /healthz, interval: 10s, timeout: 3s }")
            try weir.awaitReady(1)
            isSlow.set()
            try weir.upgrade()
            let client = try bed.connect(to: weir)
            var text = ""
            let took = try milliseconds(of: { text = try client.roundTrip(request("GET /")).text })
            #expect(text == "ok" && took < 1_000)
            #expect(try weir.ask("/ready").status == 200)
            let pool = try JSON(weir.ask("/status").text)["pools"][0]
            #expect(pool["replicas"][0]["cause"].string == "probe passed")
            #expect(pool["holds"].int == 0)
        }
    }

    @Test("Weights, drains, pauses and rollouts go on without a state file")
    func state() throws {
        try TestBed.run { bed in
            let (a, b) = (
                try bed.replica(ScriptedReplica.saying("a")),
                try bed.replica(ScriptedReplica.saying("b"))
            )
            let weir = try bed.weir(
                """
                routes: [{ path: /s, split: s }, { path: /r, split: r }]
                splits:
                  s: { weights: { one: 1, two: 0 } }
                  r: { weights: { three: 1, four: 0 } }
                rollouts: { r: { to: four, steps: [30, 60], every: 10m } }
                pools:
                  one: { discover: ["\(a.address)", "\(b.address)"] }
                  two: { discover: "\(a.address)" }
                  three: { discover: "\(a.address)" }
                  four: { discover: "\(b.address)" }
                """)
            try weir.awaitReady(2, in: "one")
            try weir.awaitReady(1, in: "four")
            #expect(try weir.run("shift", "s", "one=3", "two=2").exitCode == 0)
            #expect(try weir.run("drain", "\(a.address)", "--pool", "one").exitCode == 0)
            #expect(try weir.run("pause", "three", "--wait-at-most", "1m").exitCode == 0)
            #expect(try weir.run("rollout", "start", "r").exitCode == 0)
            try eventually("the rollout has its first step") {
                try JSON(weir.ask("/rollouts/r").text)["percent"].int == 30
            }
            for _ in 0..<2 { try weir.upgrade() }
            let status = try JSON(weir.ask("/status").text)
            let weights = status["splits"].first("name", "s")["weights"]
            #expect(weights[0]["weight"].int == 3 && weights[1]["weight"].int == 2)
            #expect(status["pools"].first("name", "three")["paused"] == .bool(true))
            #expect(status["pools"].first("name", "three")["wait_at_most_ms"].int == 60_000)
            #expect(try weir.states(of: "one")["\(a.address)"] == "draining")
            #expect(try weir.states(of: "one")["\(b.address)"] == "ready")
            let rollout = try JSON(weir.ask("/rollouts/r").text)
            #expect(rollout["state"].string == "running")
            #expect(rollout["percent"].int == 30)
        }
    }

    @Test("A tunnel goes on in the old process, which ends with it")
    func tunnel() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let address = LoopbackAddress.unique(port: 6379)
            let weir = try bed.weir(
                """
                listeners: { tcp: { bind: "\(address)", protocol: tcp, pool: web } }
                pools: { web: { discover: "\(replica.address)" } }
                """)
            let old = try bed.connect(to: address)
            try old.send("a")
            #expect(try old.read(count: 1) == Array("a".utf8))
            try weir.upgrade()
            let new = try bed.connect(to: address)
            for text in ["b", "c"] {
                for wire in [old, new] {
                    try wire.send(text)
                    #expect(try wire.read(count: 1) == Array(text.utf8))
                }
            }
            #expect(!weir.process.hasEnded)
            old.close()
            #expect(try weir.process.exitCode() == 0)
            try new.send("d")
            #expect(try new.read(count: 1) == Array("d".utf8))
        }
    }

    @Test("What is left in the old process at `upgrade_timeout` is cut, and it exits with 0")
    func deadline() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                wire.ignoreEverything()
            }
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: "upgrade_timeout: 300ms")
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /"))
            try eventually("the request is there") { replica.connections == 1 }
            try weir.upgrade()
            #expect(try weir.process.exitCode() == 0)
            #expect(busy.isClosedByOtherSide(within: 1))
        }
    }

    @Test("Upgrades leave no descriptor behind")
    func descriptors() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(configuration("/", replica), workers: 2)
            var counts: [Int] = []
            for _ in 0..<6 {
                try weir.upgrade()
                try eventually("only the new one runs, and has closed what was for its start") {
                    guard weir.runningProcesses == [weir.servingProcess] else { return false }
                    return try descriptors(of: weir.servingProcess).allSatisfy {
                        !$0.contains("weir-handover")
                    }
                }
                counts.append(try descriptors(of: weir.servingProcess).count)
            }
            #expect(counts.max() ?? 0 <= counts[0] + 1, "\(counts)")
        }
    }

    /// What each descriptor of a process leads to.
    private func descriptors(of process: Int32) throws -> [String] {
        guard let folder = unsafe opendir("/proc/\(process)/fd") else {
            throw NotInTime("cannot look into process \(process)")
        }
        defer { unsafe closedir(folder) }
        var found: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            guard !name.hasPrefix(".") else { continue }
            var target = [UInt8](repeating: 0, count: 256)
            let count = unsafe target.withUnsafeMutableBufferPointer { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) {
                    unsafe readlink("/proc/\(process)/fd/\(name)", $0.baseAddress!, $0.count)
                }
            }
            found.append(String(decoding: target.prefix(max(0, count)), as: UTF8.self))
        }
        return found
    }

    @Test("The access log goes on in the file that the old process has open")
    func accessLog() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let path = "\(folder.path)/access.log"
            let weir = try bed.weir(
                "log: { access: \(path) }\n" + configuration("/", replica))
            #expect(unsafe rename(path, path + ".1") == 0)
            try weir.upgrade()
            #expect(try bed.connect(to: weir).roundTrip(request("GET /late")).text == "ok")
            try eventually("the line is in the renamed file") {
                try TextFile.read(path + ".1").contains("/late")
            }
            kill(weir.servingProcess, SIGUSR1)
            try eventually("the log is opened anew") { unsafe access(path, F_OK) == 0 }
        }
    }

    @Test("After an upgrade and SIGKILL the state file has what operators did")
    func killed() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let configuration = """
                state: \(folder.path)/state.json
                splits: { s: { weights: { a: 1, b: 0 } } }
                routes: [{ split: s }]
                pools:
                  a: { discover: "\(replica.address)" }
                  b: { discover: "\(replica.address)" }
                """
            let first = try WeirProcess(configuration)
            defer { first.remove() }
            #expect(try first.run("shift", "s", "a=5").exitCode == 0)
            try first.upgrade()
            #expect(try first.run("shift", "s", "b=3").exitCode == 0)
            kill(first.servingProcess, SIGKILL)
            try eventually("it is gone") { first.runningProcesses.isEmpty }
            let second = try bed.weir(configuration)
            let weights = try JSON(second.ask("/status").text)["splits"][0]["weights"]
            #expect(weights[0]["weight"].int == 5 && weights[1]["weight"].int == 3)
        }
    }
}
