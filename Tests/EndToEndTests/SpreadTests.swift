import TestSupport
import Testing

@Suite struct SpreadTests {
    /// Sends `count` requests on one connection, pipelined, and counts the answers by their text.
    private func spread(_ count: Int, over weir: WeirProcess, bed: TestBed) throws -> [String: Int]
    {
        let client = try bed.connect(to: weir)
        let sending = try Background {
            for start in stride(from: 0, to: count, by: 100) {
                let texts = (start..<min(count, start + 100)).map { _ in request("GET /") }
                try client.send(texts.joined())
            }
        }
        var counts: [String: Int] = [:]
        for _ in 0..<count { counts[try client.readResponse().text, default: 0] += 1 }
        try sending.join()
        client.close()
        return counts
    }

    @Test("Round robin over three replicas is exact over 30,000 requests")
    func roundRobin() throws {
        try TestBed.run { bed in
            let replicas = try ["a", "b", "c"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: replicas[0], replicas[1], replicas[2],
                rest: "limits: { requests_per_connection: 1000000 }")
            try weir.awaitReady(3)
            let counts = try spread(30_000, over: weir, bed: bed)
            print("round robin: \(counts)")
            #expect(counts.values.reduce(0, +) == 30_000)
            #expect(counts.count == 3)
            #expect((counts.values.max() ?? 0) - (counts.values.min() ?? 0) <= 1)
        }
    }

    @Test("Weights of replicas are exact over their sum")
    func weights() throws {
        try TestBed.run { bed in
            let a = try bed.replica(ScriptedReplica.saying("a"))
            let b = try bed.replica(ScriptedReplica.saying("b"))
            let weir = try bed.weir(
                """
                pools:
                  web:
                    discover:
                      - { address: "\(a.address)", weight: 5 }
                      - { address: "\(b.address)", weight: 2 }
                """)
            try weir.awaitReady(2)
            for _ in 0..<5 {
                #expect(try spread(7, over: weir, bed: bed) == ["a": 5, "b": 2])
            }
        }
    }

    @Test("Least connections avoids a replica that is slow")
    func leastConnections() throws {
        try TestBed.run { bed in
            let answer = Gate()
            defer { answer.open() }
            let slow = try bed.replica(
                ScriptedReplica.serving { _ in
                    try answer.wait(within: 30)
                    return Reply("slow")
                })
            let fast = try bed.replica(ScriptedReplica.saying("fast"))
            let weir = try bed.weir(to: slow, fast, pool: "balance: least-connections")
            try weir.awaitReady(2)
            // With nothing in flight the replicas are equal, so the slow one's turn comes.
            try eventually("both have had a request, the slow one keeps its own") {
                let before = slow.requests
                let client = try bed.connect(to: weir)
                try client.send(request("GET /"))
                try eventually("somebody has it") {
                    slow.requests > before || !client.isSilent(for: 0.01)
                }
                return slow.requests >= 1 && fast.requests >= 1
            }
            let counts = try spread(200, over: weir, bed: bed)
            #expect(counts == ["fast": 200])
        }
    }

    @Test("Power of two choices uses both replicas and avoids the loaded one")
    func powerOfTwo() throws {
        try TestBed.run { bed in
            let a = try bed.replica(ScriptedReplica.saying("a"))
            let b = try bed.replica(ScriptedReplica.saying("b"))
            let weir = try bed.weir(to: a, b, pool: "balance: power-of-two")
            try weir.awaitReady(2)
            let counts = try spread(1_000, over: weir, bed: bed)
            #expect(counts.values.reduce(0, +) == 1_000)
            #expect((counts.values.min() ?? 0) > 100, "\(counts)")
        }
    }

    private func splitBed(_ bed: TestBed, script: @escaping (String) -> ScriptedReplica.Script)
        throws
        -> WeirProcess
    {
        let stable = try bed.replica(script("stable"))
        let canary = try bed.replica(script("canary"))
        let weir = try bed.weir(
            """
            routes: [{ split: app }]
            splits: { app: { weights: { stable: 95, canary: 5 } } }
            pools:
              stable: { discover: "\(stable.address)" }
              canary: { discover: "\(canary.address)" }
            """)
        try weir.awaitReady(1, in: "stable")
        try weir.awaitReady(1, in: "canary")
        return weir
    }

    @Test("A split of 95 to 5 is exact in every 20 requests")
    func split() throws {
        try TestBed.run { bed in
            let weir = try splitBed(bed) { ScriptedReplica.saying($0) }
            for _ in 0..<50 {
                #expect(try spread(20, over: weir, bed: bed) == ["stable": 19, "canary": 1])
            }
        }
    }

    @Test("A shifted weight acts on the next request and touches nothing in flight")
    func shift() throws {
        try TestBed.run { bed in
            let answer = Gate()
            let weir = try splitBed(bed) { name in
                ScriptedReplica.serving { request in
                    if request.target == "/wait" { try answer.wait() }
                    return Reply(name)
                }
            }
            let waiting = try bed.connect(to: weir)
            try waiting.send(request("GET /wait"))
            let other = try bed.connect(to: weir)
            #expect(try other.roundTrip(request("GET /")).status == 200)

            let shifted = try weir.run("shift", "app", "stable=0", "canary=100", "--wait")
            #expect(shifted.exitCode == 0, "\(shifted)")
            for _ in 0..<40 {
                #expect(try other.roundTrip(request("GET /")).text == "canary")
            }
            answer.open()
            #expect(try waiting.readResponse().text == "stable")

            #expect(try weir.run("shift", "app", "stable=1", "canary=1", "--wait").exitCode == 0)
            #expect(try spread(100, over: weir, bed: bed) == ["stable": 50, "canary": 50])
        }
    }

    @Test("A shift that makes no sense is refused and changes nothing")
    func wrongShift() throws {
        try TestBed.run { bed in
            let weir = try splitBed(bed) { ScriptedReplica.saying($0) }
            for arguments in [
                ["nosplit", "stable=1"], ["app", "nopool=1"], ["app", "stable=0", "canary=0"],
                ["app", "stable=-1"], ["app", "stable=x"],
            ] {
                let finished = try WeirProgram.run(
                    ["shift"] + arguments + ["--admin", "unix:\(weir.socketPath)"])
                #expect([1, 2].contains(finished.exitCode), "\(arguments): \(finished)")
                #expect(!finished.error.isEmpty)
            }
            #expect(try spread(20, over: weir, bed: bed) == ["stable": 19, "canary": 1])
        }
    }

    @Test("A pool of a split with nothing ready yields its share")
    func yields() throws {
        try TestBed.run { bed in
            let stable = try bed.replica(ScriptedReplica.saying("stable"))
            let weir = try bed.weir(
                """
                routes: [{ split: app }]
                splits: { app: { weights: { stable: 50, canary: 50 } } }
                pools:
                  stable: { discover: "\(stable.address)" }
                  canary: { discover: "\(LoopbackAddress.unique())" }
                """)
            try weir.awaitReady(1, in: "stable")
            #expect(try spread(40, over: weir, bed: bed) == ["stable": 40])
        }
    }
}
