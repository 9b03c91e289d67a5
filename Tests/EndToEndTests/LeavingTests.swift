import TestSupport
import Testing
import Transport

/// Drains that the replica starts.
@Suite struct LeavingTests {
    @Test("A probe answered with 503 and Weir-Drain drains at once; a pass ends it")
    func asked() throws {
        try TestBed.run { bed in
            let isLeaving = Flag()
            let leaving = try bed.replica(
                ScriptedReplica.serving { request in
                    request.target == "/healthz" && isLeaving.isSet
                        ? Reply("", status: "503 Leaving", fields: ["Weir-Drain: 1"])
                        : Reply("leaving")
                })
            let other = try bed.replica(ScriptedReplica.saying("other"))
            let weir = try bed.weir(
                to: leaving, other, pool: "probe: { http: /healthz, interval: 50ms }")
            try weir.awaitReady(2)
            isLeaving.set()
            try eventually("it drains") {
                try weir.states(of: "web")["\(leaving.address)"] == "draining"
            }
            let client = try bed.connect(to: weir)
            for _ in 0..<6 { #expect(try client.roundTrip(request("GET /")).text == "other") }
            #expect(try weir.run("status").output.contains("the replica asked for it"))
            isLeaving.clear()
            try weir.awaitReady(2)
        }
    }

    @Test("FIN on idle connections and then a refusal is a replica that stops: it drains")
    func stopping() throws {
        try TestBed.run { bed in
            let stopping = try bed.replica(ScriptedReplica.saying("ok"))
            let other = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                to: stopping, other, pool: "probe: { tcp: true, interval: 500ms }")
            try weir.awaitReady(2)
            let client = try bed.connect(to: weir)
            for _ in 0..<4 { #expect(try client.roundTrip(request("GET /")).text == "ok") }
            stopping.stop()
            try eventually("it drains") {
                try weir.states(of: "web")["\(stopping.address)"] == "draining"
            }
            #expect(weir.standardError.contains("cause=\"stopping: "))
            for _ in 0..<6 { #expect(try client.roundTrip(request("GET /")).text == "ok") }
            try stopping.start()
            try weir.awaitReady(2)
        }
    }

    @Test("POST /drain/self drains by the client's address, and with wait answers when idle")
    func ownDrain() throws {
        try TestBed.run { bed in
            let gate = Gate()
            defer { gate.open() }
            let free = try Socket.listen(on: .loopback, sharing: .exclusive)
            let address = Socket.localAddress(of: free) ?? .loopback
            free.close()
            let own = try ScriptedReplica(
                on: address,
                ScriptedReplica.serving { request in
                    if request.target == "/slow" { try gate.wait() }
                    return Reply("own")
                })
            defer { own.stop() }
            let other = try bed.replica(ScriptedReplica.saying("other"))
            let weir = try bed.weir(to: own, other)
            try weir.awaitReady(2)
            var slow: [Wire] = []
            while own.requests == 0 {
                let wire = try bed.connect(to: weir)
                try wire.send(request("GET /slow"))
                slow.append(wire)
                try eventually("it arrives") { own.requests + other.requests == slow.count }
            }
            let late = try weir.ask("/drain/self?wait=200ms", method: "POST")
            #expect(late.status == 504, "\(late.text)")
            #expect(try JSON(late.text.dropLast())["replicas"][0]["in_flight"].int == 1)
            let client = try bed.connect(to: weir)
            for _ in 0..<4 { #expect(try client.roundTrip(request("GET /")).text == "other") }
            let waiting = try Background {
                let done = try weir.ask("/drain/self?wait=10s", method: "POST")
                guard done.status == 200 else { throw NotInTime("\(done.text)") }
            }
            gate.open()
            try waiting.join()
            for wire in slow { #expect(try wire.readResponse().status == 200) }
        }
    }

    @Test("A container that is no replica is told so")
    func stranger() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let refused = try weir.ask("/drain/self", method: "POST")
            #expect(refused.status == 403)
            #expect(refused.text.contains("no replica has the address 127.0.0.1"))
        }
    }
}
