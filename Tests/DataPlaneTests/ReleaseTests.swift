import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Letting those go who waited")
struct ReleaseTests {
    /// What a replica saw: numbers of requests in the order of arrival, and how many at once.
    private struct Seen {
        var numbers: [Int] = []
        var present = 0
        var most = 0
    }

    /// Works on each request for a few milliseconds, and on none before the gate is open.
    private static func counting(
        _ seen: Guarded<Seen>, behind gate: Gate? = nil
    ) throws -> ScriptedReplica {
        try ScriptedReplica { wire in
            while let request = try wire.readRequest() {
                let number = request.startLine.split(separator: " ")[1].dropFirst()
                seen.withLock {
                    $0.numbers.append(Int(number) ?? -1)
                    $0.present += 1
                    $0.most = max($0.most, $0.present)
                }
                try gate?.wait()
                _ = wire.isSilent(for: 0.003)
                seen.withLock { $0.present -= 1 }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
    }

    /// Clients whose requests wait, in the order of their numbers.
    private func waiting(_ count: Int, _ bed: Bed) throws -> [Wire] {
        try (0..<count).map { number in
            let client = try bed.client()
            try client.send(request("GET /\(number)"))
            try eventually("\(number + 1) wait") { bed.pool(.holding) == UInt64(number + 1) }
            return client
        }
    }

    private func settings(release: Int) -> PoolSettings {
        var settings = PoolSettings()
        settings.holdReleaseMaximum = release
        return settings
    }

    @Test("They go in the order in which they came, and a new one does not pass them")
    func order() throws {
        let seen = Guarded(Seen())
        let gate = Gate()
        let replica = try ReleaseTests.counting(seen, behind: gate)
        let bed = try Bed(replicas: [], settings: settings(release: 1))
        let clients = try waiting(50, bed)
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        try eventually("the first is there") { seen.withLock(\.numbers.count) > 0 }
        let late = try bed.client()
        try late.send(request("GET /50"))
        try eventually("the late one waits too") { bed.pool(.holding) == 50 }
        gate.open()
        #expect(try late.readResponse().status == 200)
        for client in clients { #expect(try client.readResponse().status == 200) }
        #expect(seen.withLock(\.numbers) == Array(0...50))
        #expect(seen.withLock(\.most) == 1)
        try eventually("all are counted") {
            bed.counters[0].pools.value(row: 0, column: PoolColumn.rescued(.held)) == 51
        }
        bed.stop()
        replica.stop()
    }

    @Test("No more of them are under way at once than each usable replica may have")
    func stampede() throws {
        let seen = [Guarded(Seen()), Guarded(Seen())]
        let replicas = try seen.map { try ReleaseTests.counting($0) }
        let bed = try Bed(replicas: [], settings: settings(release: 4))
        let clients = try waiting(200, bed)
        bed.change { snapshot in
            snapshot.pools[0].replicas = replicas.enumerated().map { Bed.replica($0, $1.address) }
        }
        for client in clients { #expect(try client.readResponse().status == 200) }
        let most = seen.map { $0.withLock(\.most) }
        #expect(most.allSatisfy { $0 <= 8 } && most.reduce(0, +) >= 4, "\(most)")
        #expect(seen.map { $0.withLock(\.numbers.count) } == [100, 100])
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("One whose client leaves makes room for the next")
    func clientLeaves() throws {
        let isThere = Gate()
        let replica = try ScriptedReplica { wire in
            let request = try wire.readRequest()
            if request?.startLine.contains("/0 ") == true {
                isThere.open()
                return wire.ignoreEverything()
            }
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let bed = try Bed(replicas: [], settings: settings(release: 1))
        let clients = try waiting(5, bed)
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        try isThere.wait()
        clients[2].close()
        try eventually("the third has left") { bed.pool(.holding) == 3 }
        clients[0].reset()
        for index in [1, 3, 4] { #expect(try clients[index].readResponse().status == 200) }
        bed.stop()
        replica.stop()
    }

    @Test("TCP connections that waited do not stand in each other's way")
    func tunnels() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [], mode: .tcp(.pool(0)), settings: settings(release: 1))
        let clients = try (0..<20).map { _ in try bed.client() }
        try eventually("all wait") { bed.pool(.holding) == 20 }
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        for client in clients {
            try client.send("ping")
            #expect(try client.read(count: 4) == Array("ping".utf8))
        }
        bed.stop()
        replica.stop()
    }

    @Test("A replica that is gone again when they are let go keeps none of them for ever")
    func goneAgain() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        let gone = LoopbackAddress.unique()
        let bed = try Bed(replicas: [], settings: settings(release: 2))
        let clients = try waiting(20, bed)
        bed.change { $0.pools[0].replicas = [Bed.replica(0, gone)] }
        try eventually("a connect was refused") {
            bed.counters[0].replicas.value(
                row: 0, column: ReplicaColumn.connectFailures.rawValue) > 0
        }
        bed.change { $0.pools[0].replicas = [] }
        try eventually("all wait") { bed.pool(.holding) == 20 }
        bed.change { $0.pools[0].replicas = [Bed.replica(1, replica.address)] }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        bed.stop()
        replica.stop()
    }

    @Test("Those who wait for a pool that goes away are answered")
    func poolGoes() throws {
        let bed = try Bed(replicas: [])
        let clients = try waiting(3, bed)
        bed.change { snapshot in
            snapshot.pools = []
            snapshot.routes = RouteTable()
        }
        for client in clients { #expect(try client.readResponse().status == 404) }
        bed.stop()
    }

    @Test("Those who wait for a pool that goes away go where their route leads now, body and all")
    func routeLeadsElsewhere() throws {
        let replicas = try ["plain", "special"].map { name in
            try ScriptedReplica(
                ScriptedReplica.serving { Reply("\(name) \($0.startLine) \($0.body.count)") })
        }
        let bed = try Bed(replicas: [])
        let clients = try waiting(3, bed)
        let post = try bed.client()
        try post.send(request("POST /p%61th?q", "X-A: b", "Content-Length: 6") + "abc")
        try eventually("it waits, too") { bed.pool(.holding) == 4 }
        bed.change { snapshot in
            snapshot.pools = replicas.enumerated().map { index, replica in
                Pool(
                    row: index + 1, name: "new \(index)", policy: .roundRobin,
                    replicas: [Bed.replica(index, replica.address)])
            }
            let rules = [HeaderRule(name: "x-a", value: "b")]
            snapshot.routes = RouteTable([
                Route(row: 0, target: .pool(0)),
                Route(row: 1, path: "/path", methods: ["POST"], headers: rules, target: .pool(1)),
            ])
        }
        for (number, client) in clients.enumerated() {
            #expect(try client.readResponse().text == "plain GET /\(number) HTTP/1.1 0")
        }
        try post.send("def")
        #expect(try post.readResponse().text == "special POST /p%61th?q HTTP/1.1 6")
        #expect(bed.pool(.holding) == 0)
        bed.stop()
        replicas.forEach { $0.stop() }
    }

    @Test("TCP connections that wait for a pool that goes away go where their listener leads now")
    func listenerLeadsElsewhere() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try client.send("ping")
        try eventually("it waits") { bed.pool(.holding) == 1 }
        bed.change {
            $0.pools = [
                Pool(
                    row: 1, name: "new", policy: .roundRobin,
                    replicas: [Bed.replica(0, replica.address)])
            ]
        }
        #expect(try client.read(count: 4) == Array("ping".utf8))
        bed.stop()
        replica.stop()
    }

    @Test("Nobody waits whose buffers are too many")
    func bytes() throws {
        var settings = PoolSettings()
        settings.holdBytesMaximum = 3 * 4_096
        let bed = try Bed(replicas: [], settings: settings)
        let clients = try waiting(3, bed)
        let response = try bed.client().roundTrip(request("GET /"))
        #expect(response.status == 503 && response.reason == "hold_full")
        clients[0].close()
        try eventually("one has left") { bed.pool(.holding) == 2 }
        let fits = try bed.client()
        try fits.send(request("GET /"))
        try eventually("another one waits") { bed.pool(.holding) == 3 }
        bed.stop()
    }

    @Test("A body that has come while it waited arrives whole, however little may be kept")
    func bodyBeyondBytes() throws {
        let replica = try ScriptedReplica(ScriptedReplica.serving { Reply("\($0.body.count)") })
        var settings = PoolSettings()
        settings.holdBytesMaximum = 2 * 4_096
        let bed = try Bed(replicas: [], settings: settings)
        let client = try bed.client()
        try client.send(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 30000\r\n\r\n")
        try eventually("it waits") { bed.pool(.holding) == 1 }
        try client.send([UInt8](repeating: 120, count: 30_000)[...])
        try client.awaitDelivery()
        let other = try bed.client()
        try other.send(request("GET /"))
        try eventually("there is room for another one") { bed.pool(.holding) == 2 }
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        #expect(try client.readResponse().text == "30000")
        #expect(try other.readResponse().status == 200)
        bed.stop()
        replica.stop()
    }

    @Test("A pause is a reason of its own, and its longer wait is kept after it")
    func pause() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        var settings = PoolSettings()
        settings.holdTimeoutMilliseconds = 200
        let bed = try Bed(replicas: [replica.address], settings: settings)
        bed.change { $0.pools[0].isPaused = true }
        let impatient = try bed.client().roundTrip(request("GET /"))
        #expect(impatient.status == 503 && impatient.reason == "paused")
        bed.change { $0.pools[0].settings.holdTimeoutMilliseconds = 10_000 }
        let patient = try bed.client()
        try patient.send(request("GET /"))
        #expect(patient.isSilent(for: 0.5))
        bed.change { snapshot in
            snapshot.pools[0].isPaused = false
            snapshot.pools[0].settings.holdTimeoutMilliseconds = 200
        }
        #expect(try patient.readResponse().text == "ok")
        #expect(replica.requests == 1)
        bed.stop()
        replica.stop()
    }
}
