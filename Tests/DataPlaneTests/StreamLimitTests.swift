import Balancing
import Metrics
import TestSupport
import Testing

@testable import DataPlane

@Suite("Streams that a replica allows")
struct StreamLimitTests {
    @Test("A burst goes onto as many connections as it takes, and none gets more than it allows")
    func burst() throws {
        let (allowed, count) = (10, 100)
        let open = Guarded(0)
        let isFull = Gate()
        let replica = try ScriptedReplica { wire in
            try wire.beginStreams(maximum: UInt32(allowed))
            let streams = try (0..<allowed).map { _ in try wire.nextStream() }
            let all = open.withLock { open in
                open += allowed
                return open
            }
            if all == count { isFull.open() }
            // An eleventh stream would not be answered.
            try isFull.wait()
            for stream in streams { try wire.answer(stream, "ok") }
            wire.ignoreEverything()
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.connectTimeoutMilliseconds = 10_000
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let clients = try (0..<count).map { _ in try bed.client() }
        for client in clients { try client.send(request("POST /", body: "x")) }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        #expect(replica.connections == count / allowed)
        #expect(bed.pool(.retries) == 0)
        bed.stop()
        replica.stop()
    }

    @Test("A replica that does not say what it allows is asked all the same")
    func unsaid() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.read(count: 24)
            var streams: [UInt32] = []
            while streams.count < 3 {
                let frame = try wire.nextFrame()
                if frame.kind == StreamFrame.headers { streams.append(frame.stream) }
            }
            try wire.send(frame: StreamFrame.settings)
            for stream in streams { try wire.answer(stream, "ok") }
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let clients = try (0..<3).map { _ in try bed.client() }
        for client in clients { try client.send(request("GET /")) }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        #expect(replica.connections == 1)
        bed.stop()
        replica.stop()
    }

    @Test("A stream whose end does not come keeps its place, and nobody waits for that")
    func endless() throws {
        let replica = try ScriptedReplica { wire in
            try wire.beginStreams(maximum: 1)
            while true {
                let stream = try wire.nextStream()
                let head = [(":status", "200"), ("content-length", "2")]
                try wire.send(FrameBytes.headers(stream, head, ends: false))
                try wire.send(FrameBytes.data(stream, "ok"))
            }
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.firstByteTimeoutMilliseconds = 3_000
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        for _ in 0..<3 { #expect(try client.roundTrip(request("GET /")).text == "ok") }
        bed.stop()
        replica.stop()
    }

    @Test("An upgrade that a client can do without is ignored, and the request served")
    func optionalUpgrade() throws {
        let replica = try ScriptedReplica { wire in
            try wire.beginStreams()
            while true { try wire.answer(try wire.nextStream(), "served") }
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        func ask(_ offer: String) throws -> WireMessage {
            try client.roundTrip(request("GET /", "Connection: Upgrade", "Upgrade: \(offer)"))
        }
        #expect(try ask("TLS/1.0").text == "served")
        #expect(try ask("foo, bar/2").text == "served")
        #expect(try ask("foo, WebSocket").reason == "upgrade_refused")
        bed.stop()
        replica.stop()
    }
}
