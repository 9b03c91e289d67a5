import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("When a worker's buffers run out")
struct BufferTests {
    /// One client holds the buffers, the other one wants some.
    @Test("The request that wants one is refused, and all are given back in the end")
    func exhausted() throws {
        let replica = try ScriptedReplica { wire in
            let request = try wire.readHead()
            if request?.target == "/ok" {
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [])
        // Four large buffers: one for each that waits, and one more while a body comes.
        bed.change { $0.limits.bufferBytesPerWorkerMaximum = 350_000 }
        var greedy: [Wire] = []
        for _ in 0..<3 {
            let client = try bed.client()
            try client.send(
                "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50000\r\n\r\n"
                    + String(repeating: "b", count: 49_000))
            greedy.append(client)
        }
        try eventually("three wait with their bodies") { bed.worker(.buffersInUse) == 3 }
        let late = try bed.client()
        try late.send(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50000\r\n\r\n"
                + String(repeating: "b", count: 50_000))
        let refusal = try late.readResponse()
        #expect(refusal.status == 503)
        #expect(refusal["proxy-status"]?.contains("buffers_exhausted") == true)
        for client in greedy { client.reset() }
        try eventually("all buffers are back") { bed.worker(.buffersInUse) == 0 }
        bed.change { $0.pools[0].replicas = [Bed.replica(0, replica.address)] }
        let client = try bed.client()
        let get = "GET /ok HTTP/1.1\r\nHost: a.example\r\n\r\n"
        #expect(try client.roundTrip(get).text == "ok")
        try eventually("nothing is left") { bed.worker(.exchanges) == 0 }
        bed.stop()
        replica.stop()
    }
}
