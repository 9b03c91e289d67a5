import Balancing
import HTTP
import Metrics
import TestSupport
import Testing

@testable import DataPlane

@Suite("Tunnels by streams")
struct StreamTunnelTests {
    private let upgrade =
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    private static let agreed =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

    @Test("A replica that has said all still hears what a client of HTTP/2 says")
    func halfClosed() throws {
        let heard = Guarded("")
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(Self.agreed + "bye")
            wire.halfClose()
            let bytes = try wire.readToEnd()
            heard.withLock { $0 = String(decoding: bytes, as: UTF8.self) }
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try StreamClient(bed)
        let stream = client.request(1, upgrade)
        try client.talk(until: "the end of what the replica says") {
            client.answers[1]?.hasEnded == true
        }
        #expect(client.answers[1]?.bodyBytes == 3)
        client.session.offer(stream, 4)
        client.session.end(stream)
        try client.talk(until: "the end of the stream") { client.closed.contains(1) }
        try eventually("it has heard all") { heard.withLock { $0 == "xxxx" } }
        try eventually("the tunnel is over") { bed.worker(.exchanges) == 0 }
        #expect(bed.pool(.failures) == 0)
        bed.stop()
        replica.stop()
    }

    @Test("A tunnel that is over for weir is so for its client, who need not agree")
    func idle() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(Self.agreed)
            wire.ignoreEverything()
        }
        var settings = PoolSettings()
        settings.tunnelIdleTimeoutMilliseconds = 200
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try StreamClient(bed)
        client.request(1, upgrade)
        try client.talk(until: "the end of the stream") { client.closed.contains(1) }
        #expect(client.answers[1]?.hasEnded == true)
        bed.stop()
        replica.stop()
    }

    @Test("What a replica has not taken yet is not lost when both sides of a stream have ended")
    func slowReplica() throws {
        let mayRead = Gate()
        let heard = Guarded(0)
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(Self.agreed)
            wire.halfClose()
            try mayRead.wait(within: 60)
            let bytes = try wire.readToEnd().count
            heard.withLock { $0 = bytes }
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try StreamClient(bed)
        let stream = client.request(1, upgrade)
        try client.talk(until: "the end of what the replica says") {
            client.answers[1]?.hasEnded == true
        }
        let held = bed.worker(.buffersInUse)
        var count = 0
        while bed.worker(.buffersInUse) <= held {
            client.session.offer(stream, 32_768)
            count += 32_768
            try client.talk(until: "\(count) bytes are sent") { client.sent[1] == count }
        }
        client.session.end(stream)
        try client.talk(until: "the end of the stream") { client.closed.contains(1) }
        mayRead.open()
        try eventually("it has heard all") { heard.withLock { $0 == count } }
        bed.stop()
        replica.stop()
    }

    /// Sends as much as is taken until nothing more is.
    ///
    /// - Returns: how many bytes.
    private static func fill(_ wire: Wire, _ stream: UInt32) throws -> Int {
        var (own, all, sent) = (65_535, 65_535, 0)
        while true {
            let count = min(own, all, 16_384)
            if count > 0 {
                let piece = [UInt8](repeating: 0x78, count: count)
                try wire.send(frame: StreamFrame.data, stream: stream, payload: piece)
                (own, all, sent) = (own - count, all - count, sent + count)
                continue
            }
            guard !wire.isSilent(for: 0.5) else { return sent }
            let frame = try wire.nextFrame()
            guard frame.kind == StreamFrame.windowUpdate else { continue }
            if frame.stream == 0 { all += Int(frame.number) } else { own += Int(frame.number) }
        }
    }

    enum Ending: CaseIterable { case whole, noError }

    @Test(
        "What a client has not taken yet is not lost with the stream of the replica",
        arguments: Ending.allCases)
    func slowClient(ending: Ending) throws {
        let sent = Guarded(0)
        let isSent = Gate()
        let replica = try ScriptedReplica { wire in
            _ = try wire.read(count: 24)
            // It takes extended CONNECT (RFC 8441 §3).
            try wire.send(frame: StreamFrame.settings, payload: [0, 8, 0, 0, 0, 1])
            let stream = try wire.nextStream()
            try wire.send(frame: StreamFrame.headers, flags: 4, stream: stream, payload: [0x88])
            if ending == .whole {
                while true {
                    let frame = try wire.nextFrame()
                    if frame.kind == StreamFrame.data, frame.endsStream { break }
                }
            }
            let count = try Self.fill(wire, stream)
            try wire.send(frame: StreamFrame.data, flags: 1, stream: stream)
            if ending == .noError { try wire.reset(stream, code: 0) }
            sent.withLock { $0 = count }
            isSent.open()
            wire.ignoreEverything()
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        try client.send(upgrade)
        #expect(try client.readHead()?.status == 101)
        if ending == .whole { client.halfClose() }
        try isSent.wait(within: 60)
        #expect(try client.readToEnd().count == sent.withLock(\.self))
        client.close()
        try eventually("the tunnel is over") { bed.worker(.exchanges) == 0 }
        bed.stop()
        replica.stop()
    }
}
