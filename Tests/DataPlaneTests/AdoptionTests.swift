import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("A snapshot that arrives while requests are in flight")
struct AdoptionTests {
    private let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("A lost replica answers what cannot be sent again; the request pipelined behind it is served")
    func lostWithPipelined() throws {
        let isAsked = Gate()
        let stuck = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            isAsked.open()
            wire.ignoreEverything()
        }
        let other = try ScriptedReplica(ScriptedReplica.saying("other"))
        let bed = try Bed(replicas: [stuck.address])
        let client = try bed.client()
        try client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n" + get)
        try isAsked.wait()
        bed.change {
            $0.pools[0].replicas = [
                Bed.replica(0, stuck.address, .lost), Bed.replica(1, other.address),
            ]
        }
        #expect(try client.readResponse().status == 502)
        #expect(try client.readResponse().text == "other")
        bed.stop()
        stuck.stop()
        other.stop()
    }

    @Test("A request in flight on a pool that is dropped never goes to the replica of another pool")
    func droppedPool() throws {
        let isAsked = Gate()
        let mayEnd = Gate()
        let ending: ScriptedReplica.Script = { wire in
            _ = try wire.readRequest()
            isAsked.open()
            try mayEnd.wait()
        }
        let first = try ScriptedReplica(ending)
        let second = try ScriptedReplica(ending)
        let stranger = try ScriptedReplica(ScriptedReplica.saying("stranger"))
        let bed = try Bed(replicas: [first.address, second.address])
        let client = try bed.client()
        try client.send(get)
        try isAsked.wait()
        bed.change {
            $0.pools[0] = Pool(row: 1, name: "other", policy: .roundRobin, replicas: [])
        }
        bed.change { $0.pools[0].replicas = (2..<4).map { Bed.replica($0, stranger.address) } }
        try eventually("the newest snapshot is adopted") { bed.worker(.generation) == 3 }
        mayEnd.open()
        #expect(try client.readResponse().status == 503)
        #expect(stranger.requests == 0)
        bed.stop()
        for replica in [first, second, stranger] { replica.stop() }
    }
}
