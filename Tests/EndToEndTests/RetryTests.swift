import TestSupport
import Testing

@Suite struct RetryTests {
    /// Answers the first request of a connection; dies on the next one without a byte.
    private static func dyingOnReuse(_ name: String) -> ScriptedReplica.Script {
        { wire in
            guard try wire.readRequest() != nil else { return }
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)")
            _ = try wire.readRequest()
        }
    }

    @Test(
        "A refused connect goes to another replica, whatever the method",
        arguments: ["GET", "POST", "PUT", "PATCH", "DELETE"])
    func refused(method: String) throws {
        try TestBed.run { bed in
            let gone = try bed.replica(ScriptedReplica.saying("gone"))
            let alive = try bed.replica(ScriptedReplica.serving { Reply(bytes: $0.body) })
            let weir = try bed.weir(to: gone, alive, pool: "probe: { tcp: true, interval: 60s }")
            try weir.awaitReady(2)
            gone.stop()
            for _ in 0..<4 {
                let client = try bed.connect(to: weir)
                let response = try client.roundTrip(request("\(method) /", body: "body"))
                #expect(response.status == 200 && response.text == "body")
            }
            #expect(gone.requests == 0)
            #expect(alive.requests == 4)
        }
    }

    @Test("A refused connect declares the replica down at once and is logged with its cause")
    func downAtOnce() throws {
        try TestBed.run { bed in
            let gone = try bed.replica(ScriptedReplica.saying("gone"))
            let alive = try bed.replica(ScriptedReplica.saying("alive"))
            let weir = try bed.weir(to: gone, alive, pool: "probe: { tcp: true, interval: 60s }")
            try weir.awaitReady(2)
            gone.stop()
            let client = try bed.connect(to: weir)
            for _ in 0..<2 { #expect(try client.roundTrip(request("GET /")).text == "alive") }
            try eventually("the refusing replica is down") {
                try weir.states(of: "web")["\(gone.address)"] == "down"
            }
            let line = weir.standardError.split(separator: "\n").first {
                $0.contains("\(gone.address)") && $0.contains("down")
            }
            #expect(line?.contains("refused") == true, "\(weir.standardError)")
        }
    }

    @Test("An idempotent request on a reused connection that died is tried once more")
    func reused() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.dyingOnReuse("ok"))
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            for method in ["GET", "GET", "PUT", "DELETE", "GET"] {
                let response = try client.roundTrip(request("\(method) /"))
                #expect(response.status == 200 && response.text == "ok")
            }
        }
    }

    @Test("A GET survives a kept connection that died, and the next replica's death as well")
    func twoLosses() throws {
        try TestBed.run { bed in
            let requests = Guarded(0)
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    let number = requests.withLock { count in
                        count += 1
                        return count
                    }
                    // The second is on the kept connection, the third on a fresh one.
                    if number == 2 || number == 3 { return }
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            for _ in 0..<2 { #expect(try client.roundTrip(request("GET /")).status == 200) }
            #expect(requests.withLock { $0 } == 4)
        }
    }

    @Test("A POST that died on its connection is not sent again: 502 with a reason")
    func postIsNotRepeated() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while let request = try wire.readRequest() {
                    if request.method == "POST" { return }
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            let response = try client.roundTrip(request("POST /", body: "once"))
            #expect(response.status == 502)
            #expect(response.reason?.contains("closed") == true, "\(response.fields)")
            #expect(replica.requests == 2)
        }
    }

    @Test("A GET that dies everywhere ends with 502 and a reason, not in a loop")
    func dyingEverywhere() throws {
        try TestBed.run { bed in
            let replicas = try (0..<3).map { _ in
                try bed.replica { wire in _ = try wire.readRequest() }
            }
            let weir = try bed.weir(to: replicas[0], replicas[1], replicas[2], pool: "probe: off")
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.status == 502 && response.reason != nil)
            let attempts = replicas.map(\.requests).reduce(0, +)
            #expect((1...3).contains(attempts), "\(attempts) attempts")
        }
    }

    @Test("Nothing is retried once a byte of the response has come")
    func afterFirstByte() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\nContent-")
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.status == 502 && response.reason != nil)
            #expect(replica.requests == 1)
        }
    }

    @Test("An idle connection that a replica closed is noticed, and no POST falls into it")
    func idleClose() throws {
        try TestBed.run { bed in
            let answered = Gate()
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                try answered.wait()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            answered.open()
            try eventually("the replica has closed") { replica.openConnections == 0 }
            #expect(try client.roundTrip(request("POST /", body: "x")).status == 200)
            #expect(replica.requests == 2)
        }
    }

    @Test("A replica that never answers costs its time-out: 504 with a reason, one attempt")
    func firstByteTimeout() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                wire.ignoreEverything()
            }
            let weir = try bed.weir(
                to: replica, pool: "probe: off\ntimeouts: { first_byte: 300ms }")
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.status == 504 && response.reason != nil)
            #expect(replica.requests == 1)
        }
    }

    @Test("A body that stops halfway is cut after its idle time")
    func bodyIdleTimeout() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                wire.ignoreEverything()
            }
            let weir = try bed.weir(
                to: replica, pool: "probe: off\ntimeouts: { body_idle: 300ms }")
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            #expect(try client.readHead()?.status == 200)
            #expect(client.isClosedByOtherSide(within: 5))
        }
    }

    @Test("What is in flight on a replica that is declared down is tried elsewhere")
    func frozen() throws {
        try TestBed.run { bed in
            let thaw = Gate()
            defer { thaw.open() }
            let isFrozen = Flag()
            let frozen = try bed.replica(
                ScriptedReplica.serving { request in
                    if isFrozen.isSet { try thaw.wait(within: 60) }
                    return Reply("frozen")
                })
            let alive = try bed.replica(ScriptedReplica.saying("alive"))
            let weir = try bed.weir(
                to: frozen, alive,
                pool: "probe: { http: /, interval: 100ms, timeout: 100ms, fall: 2 }")
            try weir.awaitReady(2)
            isFrozen.set()
            let clients = try (0..<4).map { _ in try bed.connect(to: weir) }
            for client in clients { try client.send(request("GET /")) }
            for client in clients {
                let response = try client.readResponse()
                #expect(response.status == 200 && response.text == "alive")
            }
        }
    }
}
