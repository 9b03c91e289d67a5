import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Waiting for a replica")
struct HoldTests {
    @Test("A body that comes while its request waits does not move the deadline")
    func bodyWhileHeld() throws {
        var settings = PoolSettings()
        settings.holdTimeoutMilliseconds = 300
        let bed = try Bed(replicas: [], settings: settings)
        let client = try bed.client()
        try client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n")
        try eventually("the request is held") { bed.pool(.holding) == 1 }
        try client.send("first")
        client.patience = 3
        #expect(try client.readResponse().status == 503)
        #expect(bed.pool(.holding) == 0)
        bed.stop()
    }

    @Test("A TCP client that has sent its end already still gets a replica")
    func halfClosedWhileHeld() throws {
        let replica = try ScriptedReplica { wire in
            let sent = try wire.readToEnd()
            try wire.send("welcome, " + String(decoding: sent, as: UTF8.self))
        }
        let bed = try Bed(replicas: [], mode: .tcp(.pool(0)))
        let client = try bed.client()
        client.halfClose()
        try eventually("the connection is held") { bed.pool(.holding) == 1 }
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        #expect(try client.readToEnd() == Array("welcome, ".utf8))
        bed.stop()
        replica.stop()
    }

    @Test("A TCP client that resets while it waits is forgotten")
    func resetWhileHeld() throws {
        let bed = try Bed(replicas: [], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try eventually("the connection is held") { bed.pool(.holding) == 1 }
        client.reset()
        try eventually("nobody waits any more") { bed.pool(.holding) == 0 }
        bed.stop()
    }
}
