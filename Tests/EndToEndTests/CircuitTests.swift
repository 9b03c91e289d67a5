import TestSupport
import Testing

@Suite struct CircuitTests {
    @Test("A pool that does not answer is left alone, tried, and let through when it answers again")
    func opensAndCloses() throws {
        try TestBed.run { bed in
            let isDumb = Guarded(true)
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    // Not by closing: that says that it is about to stop.
                    if isDumb.withLock({ $0 }) { return try wire.send("no HTTP\r\n\r\n") }
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let weir = try bed.weir(
                to: replica,
                pool: """
                    attempts: 1
                    ejection: off
                    circuit_breaker: { failures: 5, time: 1s, trials: 2 }
                    """)
            try weir.awaitReady(1)
            let client = try bed.connect(to: weir)
            var refused: WireMessage?
            try eventually(within: 15, "the circuit opens") {
                let answer = try client.roundTrip(request("POST /", body: "x"))
                if answer.reason == "circuit_open" { refused = answer }
                return refused != nil
            }
            let answer = try #require(refused)
            #expect(answer.status == 503)
            #expect(["1", "2"].contains(answer["retry-after"] ?? ""))
            let pool = try JSON(weir.ask("/status").text)["pools"].first("name", "web")
            #expect(pool["circuit_opens"].int == 1)
            #expect(try weir.ask("/metrics").text.contains(/weir_pool_circuit_open\{[^}]*\} 1/))
            // A trial that is not answered opens it again, and nothing else reaches the replica.
            let before = replica.requests
            try eventually(within: 15, "the trial has failed") {
                _ = try client.roundTrip(request("POST /", body: "x"))
                return weir.standardError.contains("trial -> open")
            }
            #expect(replica.requests - before <= 3)
            isDumb.withLock { $0 = false }
            try eventually(within: 10, "it closes") {
                _ = try client.roundTrip(request("GET /"))
                return try JSON(weir.ask("/status").text)["pools"].first("name", "web")["circuit"]
                    .string == "closed"
            }
            #expect(weir.standardError.contains("pool=web circuit trial -> closed"))
            for _ in 0..<5 { #expect(try client.roundTrip(request("GET /")).status == 200) }
        }
    }

    @Test("While its circuit is open a pool's backup takes its requests")
    func backup() throws {
        try TestBed.run { bed in
            let dumb = try bed.replica { wire in
                if try wire.readRequest() != nil { try wire.send("no HTTP\r\n\r\n") }
            }
            let spare = try bed.replica(ScriptedReplica.saying("spare"))
            let weir = try bed.weir(
                """
                routes: [{ pool: web }]
                pools:
                  web:
                    discover: "\(dumb.address)"
                    attempts: 1
                    backup: spare
                    circuit_breaker: { failures: 5, time: 1m }
                  spare: { discover: "\(spare.address)" }
                """)
            try weir.awaitReady(1)
            try weir.awaitReady(1, in: "spare")
            let client = try bed.connect(to: weir)
            try eventually(within: 15, "it takes over") {
                try client.roundTrip(request("POST /", body: "x")).text == "spare"
            }
            for _ in 0..<5 {
                #expect(try client.roundTrip(request("GET /")).text == "spare")
            }
        }
    }
}
