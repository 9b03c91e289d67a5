import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Draining")
struct DrainTests {
    private let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("Whoever the kernel has let in is served, however many")
    func longQueue() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("served"))
        let bed = try Bed(replicas: [replica.address])
        try eventually("the listener is watched") { bed.worker(.generation) == 1 }
        bed.keepBusy()
        var clients: [Wire] = []
        for _ in 0..<300 {
            let client = try bed.client()
            try client.send(get)
            clients.append(client)
        }
        let stopping = try Background { bed.stop(within: 5_000) }
        for client in clients { #expect(try client.readResponse().text == "served") }
        try stopping.join()
        replica.stop()
    }

    @Test("A request that reaches an idle connection just before is answered, and the last one")
    func lateRequest() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("served"))
        let bed = try Bed(replicas: [replica.address])
        let clients = try (0..<50).map { _ in try bed.client() }
        for client in clients { #expect(try client.roundTrip(get).text == "served") }
        bed.keepBusy()
        for client in clients { try client.send(get) }
        let stopping = try Background { bed.stop(within: 5_000) }
        for client in clients {
            #expect(try client.readResponse().text == "served")
            #expect(try client.readToEnd().isEmpty)
        }
        try stopping.join()
        replica.stop()
    }

    @Test("Tunnels are counted while they last")
    func tunnels() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try client.send("x")
        _ = try client.read(count: 1)
        try eventually("one is counted") { bed.worker(.tunnels) == 1 }
        client.reset()
        try eventually("none is counted") { bed.worker(.tunnels) == 0 }
        bed.stop()
        replica.stop()
    }
}
