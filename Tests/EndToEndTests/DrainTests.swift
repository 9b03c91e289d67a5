import TestSupport
import Testing
import Transport

@Suite struct DrainTests {
    /// Answers a request with `text`, those for /slow only once `gate` opens.
    private func gated(_ text: String, _ gate: Gate) -> ScriptedReplica.Script {
        ScriptedReplica.serving { request in
            if request.target == "/slow" { try gate.wait() }
            return Reply(text)
        }
    }

    @Test("A drained replica finishes what it has and gets nothing new; --wait waits for that")
    func waits() throws {
        try TestBed.run { bed in
            let gate = Gate()
            defer { gate.open() }
            let old = try bed.replica(gated("old", gate))
            let new = try bed.replica(gated("new", gate))
            let weir = try bed.weir(to: old, new, pool: "balance: round-robin")
            try weir.awaitReady(2)
            var slow: [Wire] = []
            for _ in 0..<2 {
                let wire = try bed.connect(to: weir)
                try wire.send(request("GET /slow"))
                slow.append(wire)
            }
            try eventually("both replicas work") { old.requests == 1 && new.requests == 1 }
            let late = try weir.run("drain", "\(old.address)", "--wait", "--timeout", "300ms")
            #expect(late.exitCode == 3, "\(late)")
            #expect(late.error.contains("1 in flight on \(old.address) of pool web"))
            #expect(try weir.states(of: "web")["\(old.address)"] == "draining")
            let client = try bed.connect(to: weir)
            for _ in 0..<6 { #expect(try client.roundTrip(request("GET /")).text == "new") }

            let waiting = try Background {
                let done = try weir.run("drain", old.address.host, "--wait", "--timeout", "10s")
                guard done.exitCode == 0, done.output.contains("draining, idle") else {
                    throw NotInTime("\(done)")
                }
            }
            gate.open()
            try waiting.join()
            let answers = try slow.map { try $0.readResponse().text }
            #expect(Set(answers) == ["old", "new"])

            #expect(try weir.run("undrain", "\(old.address)").exitCode == 0)
            try weir.awaitReady(2)
            let both = Set(try (0..<6).map { _ in try client.roundTrip(request("GET /")).text })
            #expect(both == ["old", "new"])
        }
    }

    @Test("A tunnel counts as work: --wait waits for its end")
    func tunnel() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let other = try bed.replica(ScriptedReplica.echoingBytes)
            let address = LoopbackAddress.unique(port: 6379)
            let weir = try bed.weir(
                """
                listeners: { tcp: { bind: "\(address)", protocol: tcp, pool: web } }
                pools: { web: { discover: ["\(replica.address)", "\(other.address)"] } }
                """)
            try weir.awaitReady(2)
            var tunnels: [Wire] = []
            for _ in 0..<2 {
                let wire = try bed.connect(to: address)
                try wire.send("x")
                _ = try wire.read(count: 1)
                tunnels.append(wire)
            }
            let busy = try weir.run(
                "drain", "\(replica.address)", "--tunnels", "1h", "--wait", "--timeout", "200ms")
            #expect(busy.exitCode == 3, "\(busy)")
            for tunnel in tunnels { tunnel.close() }
            let idle = try weir.run("drain", "\(replica.address)", "--wait", "--timeout", "10s")
            #expect(idle.exitCode == 0, "\(idle)")
        }
    }

    @Test("Names that do not fit, and the last replica, are refused with exit code 1 and why")
    func refused() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            try weir.awaitReady(1)
            let unknown = try weir.run("drain", "app-7")
            #expect(unknown.exitCode == 1)
            #expect(unknown.error.contains("there is no replica \"app-7\""))
            #expect(unknown.error.contains("\(replica.address)"))
            let last = try weir.run("drain", "\(replica.address)")
            #expect(last.exitCode == 1)
            #expect(last.error.contains("--force"))
            #expect(try weir.states(of: "web") == ["\(replica.address)": "ready"])
            let forced = try weir.run("drain", "\(replica.address)", "--force", "--json")
            #expect(forced.exitCode == 0, "\(forced)")
            let json = try JSON(forced.output.dropLast())
            #expect(json["replicas"][0]["state"].string == "draining")
            #expect(json["replicas"][0]["pool"].string == "web")
            for arguments in [["drain"], ["drain", "--older-than", "1s"], ["undrain"]] {
                #expect(try WeirProgram.run(arguments).exitCode == 2)
            }
        }
    }

    @Test("While a pool is paused its requests wait; resume lets them go on, none is lost")
    func pause() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            try weir.awaitReady(1)
            let paused = try weir.run("pause", "web", "--wait-at-most", "30s")
            #expect(paused.exitCode == 0, "\(paused)")
            let status = try JSON(weir.ask("/status").text)["pools"][0]
            #expect(status["paused"] == .bool(true))
            #expect(status["wait_at_most_ms"].int == 30_000)
            #expect(try weir.run("status").output.contains("paused, requests wait up to 30 s"))
            let clients = try (0..<20).map { _ in try bed.connect(to: weir) }
            for client in clients { try client.send(request("GET /")) }
            try eventually("all of them wait") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 20
            }
            #expect(replica.requests == 0)
            let resumed = try weir.run("resume", "web", "--json")
            #expect(resumed.exitCode == 0, "\(resumed)")
            #expect(try JSON(resumed.output.dropLast())["paused"] == .bool(false))
            for client in clients { #expect(try client.readResponse().text == "ok") }
            #expect(replica.requests == 20)
            #expect(try weir.run("pause", "wob").exitCode == 1)
        }
    }

    @Test("A request waits no longer than the pause allows")
    func pauseTimeout() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            try weir.awaitReady(1)
            #expect(try weir.run("pause", "web", "--wait-at-most", "200ms").exitCode == 0)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(request("GET /"))
            #expect(response.status == 503)
            #expect(replica.requests == 0)
        }
    }
}
