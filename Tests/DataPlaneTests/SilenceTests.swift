import Balancing
import TestSupport
import Testing

@testable import DataPlane

@Suite("Silent connections of HTTP/2")
struct SilenceTests {
    private static func bed(_ replica: ScriptedReplica) throws -> Bed {
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        settings.firstByteTimeoutMilliseconds = 300
        return try Bed(replicas: [replica.address], settings: settings)
    }

    /// Answers the first request of its first connection, and is silent there from then on.
    private static func hanging(_ first: @escaping ScriptedReplica.Script) throws -> ScriptedReplica
    {
        let count = Guarded(0)
        return try ScriptedReplica { wire in
            let number = count.withLock { count in
                count += 1
                return count
            }
            try wire.beginStreams()
            if number == 1 {
                try first(wire)
                return wire.ignoreEverything()
            }
            while true { try wire.answer(try wire.nextStream(), "connection \(number)") }
        }
    }

    @Test("A connection on which nothing came in time gets no new requests")
    func silent() throws {
        let replica = try Self.hanging { try $0.answer(try $0.nextStream(), "connection 1") }
        let bed = try Self.bed(replica)
        let client = try bed.client()
        #expect(try client.roundTrip(request("GET /")).text == "connection 1")
        #expect(try client.roundTrip(request("GET /")).reason == "first_byte_timeout")
        for _ in 0..<4 {
            #expect(try client.roundTrip(request("POST /", body: "x")).text == "connection 2")
        }
        // It was asked for a sign of life, and gave none.
        try eventually("it is closed") { replica.openConnections == 1 }
        bed.stop()
        replica.stop()
    }

    @Test("What else is under way on it ends with it, and not at a time-out of its own")
    func others() throws {
        let replica = try Self.hanging { try $0.answer(try $0.nextStream(), "begun", ends: false) }
        let bed = try Self.bed(replica)
        let begun = try bed.client()
        try begun.send(request("GET /"))
        #expect(try begun.read(until: "begun").contains("200"))
        let late = try bed.client().roundTrip(request("GET /"))
        #expect(late.reason == "first_byte_timeout")
        #expect(begun.isClosedByOtherSide(within: 20))
        bed.stop()
        replica.stop()
    }

    @Test("A replica that answers a PING is slow, and keeps its connection")
    func slow() throws {
        let replica = try ScriptedReplica { wire in
            try wire.beginStreams()
            let begun = try wire.nextStream()
            try wire.answer(begun, "begun", ends: false)
            _ = try wire.nextStream()
            var frame = try wire.nextFrame()
            while frame.kind != StreamFrame.ping { frame = try wire.nextFrame() }
            try wire.send(frame: frame.kind, flags: 1, payload: frame.payload)
            try wire.send(
                frame: StreamFrame.data, flags: 1, stream: begun, payload: Array("alive".utf8))
            while true { try wire.answer(try wire.nextStream(), "same") }
        }
        let bed = try Self.bed(replica)
        let begun = try bed.client()
        try begun.send(request("GET /"))
        _ = try begun.read(until: "begun")
        let client = try bed.client()
        #expect(try client.roundTrip(request("GET /")).reason == "first_byte_timeout")
        _ = try begun.read(until: "alive")
        #expect(try client.roundTrip(request("GET /")).text == "same")
        #expect(replica.connections == 1)
        bed.stop()
        replica.stop()
    }
}
