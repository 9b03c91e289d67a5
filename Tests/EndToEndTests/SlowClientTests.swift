import TestSupport
import Testing

@Suite struct SlowClientTests {
    private static let limits =
        "limits: { min_request_rate: 10KiB, min_response_rate: 10KiB, rate_window: 1s }"

    @Test("A body that trickles is 408 with its reason", arguments: ["length", "chunks"])
    func slowBody(framing: String) throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in _ = try wire.readRequest() }
            let weir = try bed.weir(to: replica, pool: "probe: off", rest: Self.limits)
            let client = try bed.connect(to: weir)
            let field =
                framing == "length" ? "Content-Length: 100000" : "Transfer-Encoding: chunked"
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
            let trickle = try Background {
                for _ in 0..<200 {
                    try client.send(framing == "length" ? "a" : "1\r\na\r\n")
                    if !client.isSilent(for: 0.05) { return }
                }
                throw NotInTime("a body of ten seconds was let through")
            }
            try trickle.join()
            let response = try client.readResponse()
            #expect(response.status == 408 && response.reason == "request_too_slow")
            try eventually("it is counted and said") {
                try JSON(weir.ask("/status").text)["listeners"].first("name", "web")["too_slow"]
                    .int == 1 && weir.standardError.contains("limits.min_request_rate")
            }
            try eventually("the replica's connection is closed") { replica.openConnections == 0 }
        }
    }

    @Test(
        "A client that hardly reads is cut, whether weir has the whole answer or not",
        arguments: ["64MiB", "1MiB"])
    func slowReader(readAhead: String) throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n")
                // At once: to make a pattern may take longer than the client does.
                try wire.send([UInt8](repeating: 7, count: 40_000_000))
            }
            let weir = try bed.weir(
                to: replica, pool: "probe: off",
                rest:
                    "limits: { min_response_rate: 1MiB, rate_window: 1s, read_ahead: \(readAhead) }"
            )
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            _ = try client.readHead()
            let pace = try bed.connect(to: weir)
            // Some 640 kB a second, so that something moves.
            try eventually(within: 40, "it is cut") {
                do {
                    _ = try client.readSome(atMost: 64_000)
                    _ = pace.isSilent(for: 0.1)
                } catch {
                    // It may be cut just now.
                    _ = pace.isSilent(for: 0.1)
                }
                return try JSON(weir.ask("/status").text)["listeners"]
                    .first("name", "web")["too_slow"].int == 1
            }
            try eventually("it is in the log") {
                try weir.accessLog().contains { $0["reason"].string == "client_too_slow" }
            }
        }
    }

    @Test("Bodies on one connection are judged each by itself, however long the pause between them")
    func pauseBetween() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: Self.limits)
            let client = try bed.connect(to: weir)
            for _ in 0..<3 {
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
                for _ in 0..<3 {
                    try client.send("a")
                    _ = client.isSilent(for: 0.05)
                }
                #expect(try client.readResponse().status == 200)
                #expect(client.isSilent(for: 1.2))
            }
        }
    }

    @Test("Who has nothing to send or to read is not slow")
    func quiet() throws {
        try TestBed.run { bed in
            let gate = Guarded(false)
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<6 {
                    try wire.send("1\r\na\r\n")
                    _ = wire.isSilent(for: 0.5)
                }
                gate.withLock { $0 = true }
                try wire.send("0\r\n\r\n")
            }
            let weir = try bed.weir(to: replica, pool: "probe: off", rest: Self.limits)
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /events")).text == "aaaaaa")
            #expect(gate.withLock { $0 })
            let listener = try JSON(weir.ask("/status").text)["listeners"].first("name", "web")
            #expect(listener["too_slow"].int == 0)
        }
    }
}
