import TestSupport
import Testing
import Transport

/// Pools that stand in for others, and replicas that begin slowly.
@Suite struct BackupTests {
    private func weir(
        _ bed: TestBed, main: SocketAddress, spare: SocketAddress, more: String = ""
    ) throws -> WeirProcess {
        try bed.weir(
            """
            routes: [{ pool: web }]
            pools:
              web: { discover: "\(main)", backup: spare\(more) }
              spare: { discover: "\(spare)" }
            """)
    }

    @Test("While a pool has nothing ready its backup answers, and no longer than that")
    func takesOver() throws {
        try TestBed.run { bed in
            let main = try bed.replica(ScriptedReplica.saying("main"))
            let spare = try bed.replica(ScriptedReplica.saying("spare"))
            let weir = try weir(bed, main: main.address, spare: spare.address)
            try weir.awaitReady(1)
            try weir.awaitReady(1, in: "spare")
            let client = try bed.connect(to: weir)
            for _ in 0..<5 {
                #expect(try client.roundTrip(request("GET /")).text == "main")
            }
            main.stop()
            for _ in 0..<5 {
                #expect(try client.roundTrip(request("GET /")).text == "spare")
            }
            try eventually("it is logged") {
                weir.standardError.contains(
                    "pool=web its backup spare takes its requests cause=\"nothing is ready\"")
            }
            let pools = try JSON(weir.ask("/status").text)["pools"]
            #expect(pools.first("name", "web")["backup"].string == "spare")
            #expect(pools.first("name", "spare")["yielded"].int == 5)
            #expect(pools.first("name", "web")["failures"].int == 0)
            try main.start()
            try weir.awaitReady(1)
            try eventually("the pool answers again") {
                try client.roundTrip(request("GET /")).text == "main"
            }
            try eventually("it is logged") {
                weir.standardError.contains("pool=web its backup is not needed any more")
            }
        }
    }

    @Test("A request that waits goes to the backup as soon as that is ready")
    func waiting() throws {
        try TestBed.run { bed in
            let spare = try bed.replica(ScriptedReplica.saying("spare"))
            spare.refuse()
            let weir = try weir(bed, main: LoopbackAddress.unique(), spare: spare.address)
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            try eventually("the request waits") {
                try JSON(weir.ask("/status").text)["pools"].first("name", "web")["holding"].int
                    == 1
            }
            try spare.start()
            #expect(try client.readResponse().text == "spare")
        }
    }

    @Test("A paused pool's requests wait and do not go to the backup")
    func paused() throws {
        try TestBed.run { bed in
            let main = try bed.replica(ScriptedReplica.saying("main"))
            let spare = try bed.replica(ScriptedReplica.saying("spare"))
            let weir = try weir(bed, main: main.address, spare: spare.address)
            try weir.awaitReady(1)
            try weir.awaitReady(1, in: "spare")
            #expect(try weir.run("pause", "web").exitCode == 0)
            main.stop()
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            try eventually("the request waits") {
                try JSON(weir.ask("/status").text)["pools"].first("name", "web")["holding"].int
                    == 1
            }
            #expect(spare.requests == 0)
            #expect(try weir.run("resume", "web").exitCode == 0)
            #expect(try client.readResponse().text == "spare")
        }
    }

    @Test("A newcomer among three busy replicas gets few requests in its first second")
    func slowStart() throws {
        try TestBed.run { bed in
            func busy(_ name: String) -> ScriptedReplica.Script {
                ScriptedReplica.serving { _ in
                    let late = Deadline(seconds: 0.01)
                    try eventually("the answer is due") { late.hasPassed }
                    return Reply(name)
                }
            }
            let old = try (0..<3).map { _ in try bed.replica(busy("old")) }
            let newcomer = try bed.replica(busy("new"))
            newcomer.refuse()
            let addresses = (old + [newcomer]).map { "\"\($0.address)\"" }.joined(separator: ", ")
            let weir = try bed.weir(
                """
                routes: [{ pool: web }]
                pools:
                  web:
                    discover: [\(addresses)]
                    balance: least-connections
                    slow_start: 6s
                limits: { requests_per_connection: 1000000 }
                """)
            try weir.awaitReady(3)
            try eventually(within: 10, "the three are warm") {
                let replicas = try JSON(weir.ask("/status").text)["pools"]
                    .first("name", "web")["replicas"].array
                let ages = replicas.filter { $0["state"].string == "ready" }
                    .compactMap { $0["since_ms"].int }
                return ages.count == 3 && ages.allSatisfy { $0 > 6_000 }
            }
            let counted = Guarded((new: 0, all: 0))
            let since = Guarded(Instant?.none)
            let clients = try (0..<24).map { _ in
                let client = try bed.connect(to: weir)
                return try Background {
                    while since.withLock({ $0 }).map({ $0.adding(milliseconds: 1_000) > .now() })
                        ?? true
                    {
                        let text = try client.roundTrip(request("GET /")).text
                        guard since.withLock({ $0 != nil }) else { continue }
                        counted.withLock {
                            $0.all += 1; $0.new += text == "new" ? 1 : 0
                        }
                    }
                }
            }
            try newcomer.start()
            try weir.awaitReady(4)
            since.withLock { $0 = .now() }
            for client in clients { try client.join() }
            let (new, all) = counted.withLock { $0 }
            print("slow start: \(new) of \(all) in the first second")
            // A quarter is its share; the weight of the first second is a sixth of that at most.
            #expect(all > 300 && new * 16 < all)
            let line = try weir.run("status").output
            #expect(line.contains(" % of 1"))
        }
    }
}
