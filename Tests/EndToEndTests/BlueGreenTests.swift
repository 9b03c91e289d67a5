import TestSupport
import Testing
import Transport

@Suite struct BlueGreenTests {
    /// Which pool is live, and how often that has changed; nil while it changes.
    private struct Live: Equatable {
        var name: String?
        var changes = 0
    }

    @Test(
        "A switch and the switch back act on the next request, over all workers, and lose nothing",
        arguments: ["", ", sticky: cookie"])
    func switching(sticky: String) throws {
        try StickyBed.run("weights: { stable: 100, canary: 0 }\(sticky)", workers: 2) { bed in
            let live = Guarded(Live(name: "stable"))
            let isOver = Flag()
            let served = Guarded(0)
            let clients = try (0..<6).map { _ in
                let wire = try bed.connect()
                return try Background {
                    var visitor = Visitor()
                    while !isOver.isSet {
                        let before = live.withLock { $0 }
                        let response = try visitor.get(wire)
                        guard response.status == 200 else { throw NotInTime("got \(response)") }
                        let after = live.withLock { $0 }
                        if before == after, let name = before.name, response.text != name {
                            throw NotInTime("\(response.text) answered when \(name) was live")
                        }
                        served.withLock { $0 += 1 }
                    }
                }
            }
            for round in 0..<8 {
                let start = served.withLock { $0 }
                try eventually("requests are served") { served.withLock { $0 } > start + 100 }
                live.withLock { $0 = Live(name: nil, changes: $0.changes + 1) }
                let isCanary = round.isMultiple(of: 2)
                try bed.shift(isCanary ? 0 : 100, isCanary ? 100 : 0)
                live.withLock { $0.name = isCanary ? "canary" : "stable" }
            }
            isOver.set()
            for client in clients { try client.join() }
            #expect(served.withLock { $0 } > 800)
        }
    }

    @Test("A pool that is switched away from ends its present work, sticky or not")
    func presentWork() throws {
        try TestBed.run { bed in
            let answer = Gate()
            let blue = try bed.replica(
                ScriptedReplica.serving { request in
                    if request.target == "/wait" { try answer.wait() }
                    return Reply("blue")
                })
            let green = try bed.replica(ScriptedReplica.saying("green"))
            let weir = try bed.weir(
                """
                routes: [{ split: app }]
                splits: { app: { weights: { blue: 1, green: 0 }, sticky: cookie } }
                pools:
                  blue: { discover: "\(blue.address)" }
                  green: { discover: "\(green.address)" }
                """)
            try weir.awaitReady(1, in: "blue")
            try weir.awaitReady(1, in: "green")
            let waiting = try bed.connect(to: weir)
            try waiting.send(request("GET /wait"))
            var visitor = Visitor()
            let wire = try bed.connect(to: weir)
            #expect(try visitor.get(wire).text == "blue")
            try eventually("the request waits") { blue.requests == 2 }
            #expect(try weir.run("shift", "app", "blue=0", "green=1", "--wait").exitCode == 0)
            #expect(try visitor.get(wire).text == "green")
            answer.open()
            #expect(try waiting.readResponse().text == "blue")
            #expect(try weir.run("shift", "app", "blue=1", "green=0", "--wait").exitCode == 0)
            #expect(try visitor.get(wire).text == "blue")
            #expect(visitor.received.isEmpty)
            let refused = try weir.run("shift", "app", "blue=0")
            #expect(refused.exitCode == 1 && refused.error.contains("all weights would be 0"))
        }
    }

    @Test("Through a tcp listener too, weights are exact, and a pool with nothing ready yields")
    func tcp() throws {
        try TestBed.run { bed in
            func saying(_ text: String) -> ScriptedReplica.Script {
                { wire in
                    let hello = try wire.readSome()
                    if !hello.isEmpty { try wire.send(text) }
                }
            }
            let blue = try bed.replica(saying("blue"))
            let green = try bed.replica(saying("green"))
            let address = LoopbackAddress.unique(port: 6379)
            let weir = try bed.weir(
                """
                listeners: { tcp: { bind: "\(address)", protocol: tcp, split: app } }
                splits: { app: { weights: { blue: 3, green: 1 }, sticky: cookie } }
                pools:
                  blue: { discover: "\(blue.address)" }
                  green: { discover: "\(green.address)" }
                """)
            try weir.awaitReady(1, in: "blue")
            try weir.awaitReady(1, in: "green")
            func counts(_ count: Int) throws -> [String: Int] {
                var counts: [String: Int] = [:]
                for _ in 0..<count {
                    let wire = try bed.connect(to: address)
                    try wire.send("hello")
                    let text = String(decoding: try wire.readToEnd(), as: UTF8.self)
                    counts[text, default: 0] += 1
                    wire.close()
                }
                return counts
            }
            #expect(try counts(20) == ["blue": 15, "green": 5])
            green.stop()
            try weir.awaitReady(0, in: "green")
            #expect(try counts(20) == ["blue": 20])
            let yielded = try JSON(weir.ask("/status").text)["pools"].first("name", "blue")
            #expect(yielded["yielded"].int == 5)
            try eventually("five of them are logged as yielded") {
                try weir.accessLog().count { $0["yielded"] == .bool(true) } == 5
            }
        }
    }
}
