import TestSupport
import Testing

@Suite struct LimitTests {
    private func expectRefusal(
        _ text: String, _ status: Int, limits: String, alsoAccepted: [Int] = []
    ) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { \(limits) }")
            let client = try bed.connect(to: weir)
            try client.send(text)
            let response = try client.readResponse()
            #expect(([status] + alsoAccepted).contains(response.status ?? 0))
            #expect(response.reason != nil, "no reason in \(response.fields)")
            #expect(client.isClosedByOtherSide(within: 5))
            #expect(replica.requests == 0)
        }
    }

    @Test("A head that is too large is 431", arguments: [2_000, 60_000])
    func largeHead(size: Int) throws {
        let filler = String(repeating: "a", count: size)
        try expectRefusal(request("GET /", "X: \(filler)"), 431, limits: "request_head: 1KiB")
    }

    @Test("A head within its limit passes")
    func headWithinLimit() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let filler = String(repeating: "a", count: 15_000)
            let client = try bed.connect(to: weir)
            for _ in 0..<3 {
                #expect(try client.roundTrip(request("GET /", "X: \(filler)")).status == 200)
            }
        }
    }

    @Test("Too many fields are 431")
    func fields() throws {
        let fields = (0..<30).map { "X-\($0): a\r\n" }.joined()
        try expectRefusal("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n", 431, limits: "fields: 20")
    }

    @Test("A target that is too long is 414 or 431")
    func target() throws {
        let long = String(repeating: "a", count: 3_000)
        try expectRefusal(
            request("GET /\(long)"), 414, limits: "request_head: 1KiB", alsoAccepted: [431])
    }

    @Test("A head that does not come to its end in time is 408, then closed")
    func slowHead() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { head_timeout: 300ms }")
            let client = try bed.connect(to: weir)
            try client.send("GET / HTTP/1.1\r\nHost:")
            let response = try client.readResponse()
            #expect(response.status == 408 && response.reason != nil)
            #expect(client.isClosedByOtherSide(within: 5))
        }
    }

    @Test("A head that trickles does not get more time")
    func tricklingHead() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { head_timeout: 300ms }")
            let client = try bed.connect(to: weir)
            let trickle = try Background {
                for byte in request("GET /", "X: " + String(repeating: "a", count: 100)).utf8 {
                    try client.send([byte])
                    if !client.isSilent(for: 0.02) { return }
                }
                throw NotInTime("a head of two seconds was let through")
            }
            try trickle.join()
            #expect(client.isClosedByOtherSide(within: 5))
            #expect(replica.requests == 0)
        }
    }

    @Test("A request body that stops is cut after its idle time")
    func stalledBody() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: "limits: { client_idle_timeout: 300ms }")
            let client = try bed.connect(to: weir)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
            #expect(client.isClosedByOtherSide(within: 5))
            try eventually("the replica's connection is closed too") {
                replica.openConnections == 0
            }
        }
    }

    @Test("A connection ends after its number of requests")
    func requestsPerConnection() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { requests_per_connection: 3 }")
            let client = try bed.connect(to: weir)
            for number in 1...3 {
                let response = try client.roundTrip(request("GET /"))
                #expect((response["connection"]?.lowercased() == "close") == (number == 3))
            }
            #expect(try client.readToEnd().isEmpty)
        }
    }

    @Test("More clients than allowed wait or are turned away, and the others are served")
    func clients() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { connections_per_worker: 3 }")
            let served = try (0..<3).map { _ in try bed.connect(to: weir) }
            for client in served { #expect(try client.roundTrip(request("GET /")).status == 200) }
            let surplus = try bed.connect(to: weir)
            try surplus.send(request("GET /surplus"))
            for client in served { #expect(try client.roundTrip(request("GET /")).status == 200) }
            #expect(replica.requests == 6)
            served[0].close()
            try eventually("there is room again") {
                do {
                    return try surplus.readResponse().status == 200
                } catch {
                    return try Wire(to: weir.address).roundTrip(request("GET /")).status == 200
                }
            }
        }
    }

    @Test("A client that goes away takes its request along")
    func clientLeaves() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                wire.ignoreEverything()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            try eventually("the replica works on it") { replica.requests == 1 }
            client.close()
            try eventually("the replica's connection is closed") { replica.openConnections == 0 }
        }
    }
}
