import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("A worker by itself")
struct ForwardingTests {
    private let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("A request reaches a replica and its answer the client, over and over on one connection")
    func keepAlive() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("hello"))
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        for _ in 0..<10 {
            #expect(try client.roundTrip(get).text == "hello")
        }
        #expect(replica.connections == 1)
        bed.stop()
        replica.stop()
    }

    @Test("Three replicas get the same number of requests")
    func turns() throws {
        let replicas = try (0..<3).map { try ScriptedReplica(ScriptedReplica.saying("\($0)")) }
        let bed = try Bed(replicas: replicas.map(\.address))
        let client = try bed.client()
        var counts: [String: Int] = [:]
        for _ in 0..<30 { counts[try client.roundTrip(get).text, default: 0] += 1 }
        #expect(counts == ["0": 10, "1": 10, "2": 10])
        bed.stop()
        for replica in replicas { replica.stop() }
    }

    @Test("A refused connect goes to another replica, and is reported")
    func refused() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("here"))
        let nobody = LoopbackAddress.unique()
        let bed = try Bed(replicas: [nobody, replica.address])
        let client = try bed.client()
        for _ in 0..<4 { #expect(try client.roundTrip(get).text == "here") }
        #expect(bed.observations[0].pop()?.kind == .connectRefused)
        bed.stop()
        replica.stop()
    }

    @Test("A request waits until a snapshot has a replica for it")
    func hold() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("late"))
        let bed = try Bed(replicas: [])
        let client = try bed.client()
        try client.send(get)
        try eventually("the request is held") {
            bed.counters[0].pools.value(row: 0, column: PoolColumn.holding.rawValue) > 0
                || bed.observations[0].pop()?.kind == .held
        }
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        #expect(try client.readResponse().text == "late")
        bed.stop()
        replica.stop()
    }

    @Test("A tunnel passes bytes and the end of either side")
    func tunnel() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try client.send("hello")
        #expect(try client.read(count: 5) == Array("hello".utf8))
        client.halfClose()
        #expect(try client.readToEnd().isEmpty)
        bed.stop()
        replica.stop()
    }
}
