import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Trying again")
struct RetryTests {
    private func rescued(_ bed: Bed, _ from: RescueClass) -> UInt64 {
        bed.counters[0].pools.value(row: 0, column: PoolColumn.rescued(from))
    }

    private static func failing(_ status: String) -> ScriptedReplica.Script {
        ScriptedReplica.serving { _ in Reply("busy", status: status) }
    }

    @Test("A status that the pool wants tried elsewhere is, for what may be sent again")
    func statuses() throws {
        let busy = try ScriptedReplica(RetryTests.failing("503 Service Unavailable"))
        let fine = try ScriptedReplica(ScriptedReplica.saying("fine"))
        var settings = PoolSettings()
        settings.retryStatuses = .unavailable
        let bed = try Bed(replicas: [busy.address, fine.address], settings: settings)
        let client = try bed.client()
        for _ in 0..<20 { #expect(try client.roundTrip(request("GET /")).text == "fine") }
        try eventually("all are counted") {
            rescued(bed, .status) == bed.pool(.retries) && bed.pool(.retries) >= 9
        }
        let posts = try (0..<4).map { _ in try client.roundTrip(request("POST /", body: "x")).status
        }
        #expect(posts.filter { $0 == 503 }.count == 2)
        bed.stop()
        busy.stop()
        fine.stop()
    }

    @Test("Where every replica gives that status, the last one's answer is the client's")
    func everywhere() throws {
        let replicas = try (0..<2).map { _ in
            try ScriptedReplica(RetryTests.failing("504 Gateway Timeout"))
        }
        var settings = PoolSettings()
        settings.retryStatuses = .gatewayTimeout
        let bed = try Bed(replicas: replicas.map(\.address), settings: settings)
        let response = try bed.client().roundTrip(request("GET /"))
        #expect(response.status == 504 && response.text == "busy" && response.reason == nil)
        #expect(replicas.map(\.requests) == [1, 1])
        #expect(bed.pool(.rescued) == 0 && bed.pool(.retriesDenied) == 0)
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("While the pool is paused that status is the client's: nothing takes it elsewhere")
    func statusDuringPause() throws {
        let isAsked = Gate()
        let mayEnd = Gate()
        let busy = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            isAsked.open()
            try mayEnd.wait()
            try wire.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
        }
        let fine = try ScriptedReplica(ScriptedReplica.saying("fine"))
        var settings = PoolSettings()
        settings.retryStatuses = .unavailable
        let bed = try Bed(replicas: [busy.address], settings: settings)
        let client = try bed.client()
        try client.send(request("GET /"))
        try isAsked.wait()
        bed.change {
            $0.pools[0].replicas.append(Bed.replica(1, fine.address))
            $0.pools[0].isPaused = true
        }
        try eventually("it is paused") { bed.worker(.generation) == 2 }
        mayEnd.open()
        client.patience = 3
        #expect(try client.readResponse().text == "busy")
        #expect(fine.requests == 0)
        bed.stop()
        busy.stop()
        fine.stop()
    }

    @Test("A response that does not begin in time is tried elsewhere where the pool wants it")
    func firstByte() throws {
        let silent = try ScriptedReplica { $0.ignoreEverything() }
        let fine = try ScriptedReplica(ScriptedReplica.saying("fine"))
        var settings = PoolSettings()
        settings.firstByteTimeoutMilliseconds = 100
        settings.retriesFirstByte = true
        let bed = try Bed(replicas: [silent.address, fine.address], settings: settings)
        let client = try bed.client()
        for _ in 0..<4 { #expect(try client.roundTrip(request("GET /")).text == "fine") }
        try eventually("all are counted") {
            rescued(bed, .firstByte) == bed.pool(.retries) && bed.pool(.retries) >= 2
        }
        bed.stop()
        silent.stop()
        fine.stop()
    }

    /// Replicas that, together, close on so many requests, and then answer.
    private static func ending(_ count: Int, after closed: Int) throws -> [ScriptedReplica] {
        let left = Guarded(closed)
        return try (0..<count).map { _ in
            try ScriptedReplica { wire in
                _ = try wire.readRequest()
                let closes = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if !closes { try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine") }
            }
        }
    }

    @Test("What two replicas closed on is asked a last time, once those that end have ended")
    func stoppedTogether() throws {
        let replicas = try RetryTests.ending(3, after: 2)
        let bed = try Bed(replicas: replicas.map(\.address))
        #expect(try bed.client().roundTrip(request("GET /")).text == "fine")
        #expect(replicas.map(\.requests) == [1, 1, 1])
        try eventually("both are counted") { bed.pool(.retries) == 2 && bed.pool(.rescued) == 1 }
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("A request that ends whatever it reaches is given up after its last attempt")
    func closesEverything() throws {
        let replicas = try RetryTests.ending(5, after: 5)
        let bed = try Bed(replicas: replicas.map(\.address))
        let response = try bed.client().roundTrip(request("GET /"))
        #expect(response.status == 502)
        #expect(response.reason == "upstream_closed_before_headers")
        #expect(replicas.map(\.requests).reduce(0, +) == 3)
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("A POST with Idempotency-Key is sent again on a route that honours it, and only there")
    func idempotencyKey() throws {
        let replica = try ScriptedReplica { wire in
            while let request = try wire.readRequest() {
                if request["x-again"] == nil { return }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let second = try ScriptedReplica(ScriptedReplica.serving { Reply(bytes: $0.body) })
        let bed = try Bed(replicas: [replica.address, second.address])
        func post() throws -> Set<Int?> {
            let keyed = request("POST /", "Idempotency-Key: \"a\"", body: "x")
            var statuses: Set<Int?> = []
            for _ in 0..<4 { statuses.insert(try bed.client().roundTrip(keyed).status) }
            return statuses
        }
        #expect(try post() == [200, 502])
        bed.change { snapshot in
            var route = Route(row: 0, target: .pool(0))
            route.honoursIdempotencyKey = true
            snapshot.routes = RouteTable([route])
        }
        try eventually("it is honoured") { bed.worker(.generation) == 2 }
        #expect(try post() == [200])
        #expect(try bed.client().roundTrip(request("POST /", body: "x")).status != 0)
        bed.stop()
        replica.stop()
        second.stop()
    }

    @Test("However many replicas refuse, the one that listens is found")
    func manyRefuse() throws {
        let alive = try ScriptedReplica(ScriptedReplica.saying("alive"))
        let refusing = (0..<200).map { _ in LoopbackAddress.unique() }
        let bed = try Bed(replicas: refusing + [alive.address])
        let response = try bed.client().roundTrip(request("POST /", body: "x"))
        #expect(response.text == "alive")
        try eventually("it is counted") { rescued(bed, .connectRefused) == 1 }
        bed.stop()
        alive.stop()
    }

    @Test("Without budget the failure is the client's, and is counted")
    func budget() throws {
        let replicas = try (0..<2).map { _ in
            try ScriptedReplica { wire in _ = try wire.readRequest() }
        }
        var settings = PoolSettings()
        settings.retryBudgetPercent = 0
        settings.retryFloorPerSecond = 0
        let bed = try Bed(replicas: replicas.map(\.address), settings: settings)
        let response = try bed.client().roundTrip(request("GET /"))
        #expect(response.status == 502 && response.reason == "upstream_closed_before_headers")
        #expect(replicas.map(\.requests).reduce(0, +) == 1)
        try eventually("it is counted") { bed.pool(.retriesDenied) == 1 }
        #expect(bed.pool(.retries) == 0)
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("A connection is given up before the time that its replica promised to keep it")
    func promised() throws {
        let open = Guarded(0.0)
        let hasEnded = Gate()
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(
                "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=9\r\nContent-Length: 0\r\n\r\n")
            let lasted = try milliseconds(of: { _ = try wire.readToEnd() })
            open.withLock { $0 = Double(lasted) / 1_000 }
            hasEnded.open()
        }
        let bed = try Bed(replicas: [replica.address])
        #expect(try bed.client().roundTrip(request("GET /")).status == 200)
        try hasEnded.wait()
        #expect((0.7..<1.0).contains(open.withLock(\.self)))
        bed.stop()
        replica.stop()
    }
}
