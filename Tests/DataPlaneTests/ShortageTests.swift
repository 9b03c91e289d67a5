import Balancing
import Metrics
import TestSupport
import Testing

@testable import DataPlane

@Suite("When connections to replicas run out")
struct ShortageTests {
    /// As many requests at once, so that as many connections are idle afterwards.
    private static func fill(_ bed: Bed, _ count: Int) throws -> [Wire] {
        let clients = try (0..<count).map { _ in try bed.client() }
        for client in clients { try client.send(request("GET /")) }
        for client in clients { #expect(try client.readResponse().status == 200) }
        return clients
    }

    @Test("Unused connections, of whatever pool, are given up for one that is needed")
    func givenUp() throws {
        let together = Guarded(0)
        let busy = try ScriptedReplica { wire in
            while try wire.readRequest() != nil {
                together.withLock { $0 += 1 }
                try eventually("all have come") { together.withLock { $0 } >= 4 }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let other = try ScriptedReplica(ScriptedReplica.saying("other"))
        let bed = try Bed(replicas: [busy.address])
        bed.change { snapshot in
            snapshot.limits.upstreamConnectionsPerWorkerMaximum = 4
            snapshot.pools.append(
                Pool(
                    row: 1, name: "other", policy: .roundRobin,
                    replicas: [Bed.replica(1, other.address)]))
            snapshot.routes = RouteTable([
                Route(row: 0, target: .pool(0)), Route(row: 1, path: "/other", target: .pool(1)),
            ])
        }
        try eventually("the pools are there") { bed.worker(.generation) == 2 }
        let clients = try Self.fill(bed, 4)
        try eventually("they are kept") { bed.worker(.upstreamConnections) == 4 }
        #expect(try clients[0].roundTrip(request("GET /other")).text == "other")
        #expect(bed.worker(.upstreamConnections) <= 4)
        bed.stop()
        busy.stop()
        other.stop()
    }

    @Test("While none is unused a request waits, and goes when one is")
    func waits() throws {
        let isOpen = Guarded(false)
        let replica = try ScriptedReplica { wire in
            while try wire.readRequest() != nil {
                try eventually("the gate is open") { isOpen.withLock { $0 } }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let bed = try Bed(replicas: [replica.address])
        bed.change { $0.limits.upstreamConnectionsPerWorkerMaximum = 1 }
        try eventually("the limit is there") { bed.worker(.generation) == 2 }
        let clients = try (0..<3).map { _ in try bed.client() }
        for client in clients { try client.send(request("GET /")) }
        try eventually("two wait") { bed.pool(.holding) == 2 }
        isOpen.withLock { $0 = true }
        for client in clients { #expect(try client.readResponse().status == 200) }
        bed.stop()
        replica.stop()
    }
}
