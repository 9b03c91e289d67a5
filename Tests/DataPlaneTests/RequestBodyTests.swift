import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Request bodies")
struct RequestBodyTests {
    @Test("Many requests pipelined behind a long body are all served")
    func pipelinedBehindBody() throws {
        let replica = try ScriptedReplica(ScriptedReplica.serving { Reply("\($0.body.count)") })
        let bed = try Bed(replicas: [replica.address])
        let get = "GET / HTTP/1.1\r\nHost: a.example\r\nPadding: \(String(repeating: "x", count: 400))\r\n\r\n"
        let followers = 1_000
        for _ in 0..<5 {
            let client = try bed.client()
            let sending = try Background {
                try client.send(
                    "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200000\r\n\r\n"
                        + String(repeating: "b", count: 200_000)
                        + String(repeating: get, count: followers))
            }
            #expect(try client.readResponse().text == "200000")
            for _ in 0..<followers { #expect(try client.readResponse().text == "0") }
            try sending.join()
        }
        bed.stop()
        replica.stop()
    }

    @Test("A replica that takes its time to read an upload is waited for")
    func slowReader() throws {
        let mayRead = Gate()
        let replica = try ScriptedReplica { wire in
            _ = try wire.readHead()
            try mayRead.wait()
            let isWhole = try wire.readPattern(20_000_000)
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(isWhole ? 1 : 0)")
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        let sending = try Background {
            try client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 20000000\r\n\r\n")
            try client.sendPattern(20_000_000)
        }
        #expect(client.isSilent(for: 5))
        mayRead.open()
        try sending.join()
        #expect(try client.readResponse().text == "1")
        bed.stop()
        replica.stop()
    }
}
