import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("SETTINGS that come late")
struct LateSettingsTests {
    @Test("A tunnel whose replica does not say whether it takes one is given up in time")
    func tunnel() throws {
        let replica = try ScriptedReplica { $0.ignoreEverything() }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.connectTimeoutMilliseconds = 200
        settings.holdTimeoutMilliseconds = 300
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        let upgrade = request("GET /", "Connection: Upgrade", "Upgrade: websocket")
        #expect(try client.roundTrip(upgrade).reason == "no_ready_replica")
        bed.stop()
        replica.stop()
    }

    @Test("A request that has begun when they came has its own time, not that of the connect")
    func begun() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.read(count: 24)
            var (streams, isSaid): ([UInt32], Bool) = ([], false)
            while streams.count < 3 {
                let frame = try wire.nextFrame()
                guard frame.kind == StreamFrame.headers else { continue }
                streams.append(frame.stream)
                if !isSaid { try wire.send(frame: StreamFrame.settings) }
                isSaid = true
            }
            let later = Deadline(seconds: 0.5)
            try eventually("a connect may not take so long") { later.hasPassed }
            for stream in streams { try wire.answer(stream, "ok") }
            wire.ignoreEverything()
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.connectTimeoutMilliseconds = 250
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let clients = try (0..<3).map { _ in try bed.client() }
        for client in clients { try client.send(request("POST /", body: "x")) }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        #expect(replica.connections == 1)
        #expect(bed.pool(.retries) == 0)
        bed.stop()
        replica.stop()
    }

    @Test("A timer that an earlier attempt has left begins nothing before its connection is there")
    func leftover() throws {
        let (isAsked, mayRefuse) = (Gate(), Gate())
        let (isShaking, mayEnd) = (Gate(), Gate())
        let count = Guarded(0)
        let replica = try ScriptedReplica { wire in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 1 {
                try wire.beginStreams()
                let stream = try wire.nextStream()
                isAsked.open()
                try mayRefuse.wait()
                try wire.reset(stream, code: 7)
                return wire.ignoreEverything()
            }
            if try wire.read(count: 1) == [0x16] {
                isShaking.open()
                return try mayEnd.wait()
            }
            _ = try wire.read(count: 23)
            try wire.send(frame: StreamFrame.settings)
            while true { try wire.answer(try wire.nextStream(), "plain") }
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.firstByteTimeoutMilliseconds = 2_000
        settings.connectTimeoutMilliseconds = 20_000
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        try client.send(request("POST /", body: "x"))
        try isAsked.wait()
        let first = Deadline(seconds: 2.2)
        try bed.change { $0.pools[0].tls = try TLSContext(client: TLSClientSettings()) }
        try eventually("the change is known") { bed.worker(.generation) == 2 }
        mayRefuse.open()
        try isShaking.wait()
        try eventually("the time of the first attempt is over") { first.hasPassed }
        bed.change { $0.pools[0].tls = nil }
        try eventually("the change is known") { bed.worker(.generation) == 3 }
        mayEnd.open()
        #expect(try client.readResponse().text == "plain")
        #expect(bed.pool(.retries) == 1)
        bed.stop()
        replica.stop()
    }
}
