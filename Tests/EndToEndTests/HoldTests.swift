import TestSupport
import Testing

@Suite struct HoldTests {
    @Test("A request waits while no replica is there, and is answered when one comes")
    func holds() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.serving { Reply(bytes: $0.body) })
            replica.stop()
            let weir = try bed.weir(to: replica)
            let clients = try (0..<20).map { _ in try bed.connect(to: weir) }
            for client in clients { try client.send(request("POST /", body: "kept")) }
            try eventually("20 requests are held") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 20
            }
            try replica.start()
            for client in clients { #expect(try client.readResponse().text == "kept") }
        }
    }

    @Test("Replicas that all go down and come back cost time, not requests")
    func outage() throws {
        try TestBed.run { bed in
            let replicas = try ["a", "b"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(to: replicas[0], replicas[1])
            try weir.awaitReady(2)
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            for replica in replicas { replica.stop() }
            try client.send(request("POST /", body: "x"))
            try eventually("the request is held") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 1
            }
            try replicas[1].start()
            let response = try client.readResponse()
            #expect(response.status == 200 && response.text == "b")
        }
    }

    @Test("A request that waits too long gets 503 with a reason and a time to come back")
    func timeout() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            replica.stop()
            let weir = try bed.weir(to: replica, pool: "hold: { timeout: 300ms }")
            let client = try bed.connect(to: weir)
            var response: WireMessage?
            let waited = try milliseconds(of: { response = try client.roundTrip(request("GET /")) })
            #expect(response?.status == 503)
            #expect(response?["retry-after"].flatMap { Int($0) } != nil)
            #expect(response?.reason != nil)
            #expect((250..<3_000).contains(waited))
            try replica.start()
            try weir.awaitReady(1)
            #expect(try client.roundTrip(request("GET /")).status == 200)
        }
    }

    @Test("No more requests wait than the limit allows")
    func limit() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            replica.stop()
            let weir = try bed.weir(to: replica, pool: "hold: { timeout: 5s, requests: 2 }")
            let waiting = try (0..<2).map { _ in try bed.connect(to: weir) }
            for client in waiting { try client.send(request("GET /")) }
            try eventually("2 requests are held") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 2
            }
            let third = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(third.status == 503 && third.reason != nil)
            try replica.start()
            for client in waiting { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test("A client that leaves while it waits costs no request")
    func clientLeaves() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            replica.stop()
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            try eventually("the request is held") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 1
            }
            client.close()
            try eventually("the request is given up") {
                try JSON(weir.ask("/status").text)["pools"][0]["holding"].int == 0
            }
            try replica.start()
            try weir.awaitReady(1)
            #expect(try bed.connect(to: weir).roundTrip(request("GET /")).status == 200)
            #expect(replica.requests == 1)
        }
    }
}
