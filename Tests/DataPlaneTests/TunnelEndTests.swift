import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Tunnels of a replica that is being drained")
struct TunnelEndTests {
    private static let handshake = request(
        "GET /chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    private static let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
    private static let goingAway: [UInt8] = [0x88, 2, 0x03, 0xe9]
    private static let closeOfClient: [UInt8] = [0x88, 0x82, 9, 9, 9, 9, 0x0a, 0xe0]
    /// A frame of 1,000 bytes, in its two parts.
    private static let frame: [UInt8] = [0x82, 126, 3, 0xe8] + BytePattern.first(1_000)

    /// Accepts WebSockets. A client that asks for `half` gets half a frame, and the rest when the
    /// gate opens. Whoever closes is answered.
    private static func sockets(
        rest: Gate, closed: Guarded<[[UInt8]]>
    ) throws -> ScriptedReplica {
        try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(accepted)
            let wish = try wire.read(count: 6 + 4)
            if wish.last == UInt8(ascii: "h") ^ 4 {
                try wire.send(frame[..<500])
                try rest.wait(within: 20)
                try wire.send(frame[500...])
            } else {
                try wire.send(frame[...])
            }
            let close = try wire.read(count: 8)
            closed.withLock { $0.append(close) }
            try wire.send([0x88, 2, 0x03, 0xe9])
            _ = try wire.readToEnd()
        }
    }

    /// The wish of a client: a masked frame of four bytes.
    private static func wish(_ letter: Character) -> [UInt8] {
        [0x82, 0x84, 1, 2, 3, 4, 0, 0, 0, (letter.asciiValue ?? 0) ^ 4]
    }

    private func end(_ bed: Bed, in milliseconds: Int, spread: Int) -> Instant {
        let at = Instant.now().adding(milliseconds: milliseconds)
        bed.change { snapshot in
            snapshot.pools[0].replicas[0].availability = .closed
            snapshot.pools[0].replicas[0].tunnelEnd = TunnelEnd(
                at: at.nanoseconds, spreadNanoseconds: UInt64(spread) * 1_000_000)
        }
        return at
    }

    @Test("200 WebSockets end one after the other with 1001, and no frame is torn")
    func webSockets() throws {
        let rest = Gate()
        let closed = Guarded<[[UInt8]]>([])
        let replica = try TunnelEndTests.sockets(rest: rest, closed: closed)
        let bed = try Bed(replicas: [replica.address])
        let clients = try (0..<200).map { number in
            let client = try bed.client()
            try client.send(TunnelEndTests.handshake)
            _ = try client.readHead()
            try client.send(TunnelEndTests.wish(number % 2 == 0 ? "w" : "h")[...])
            _ = try client.read(count: 500)
            return client
        }
        try eventually("all are open") { bed.worker(.tunnels) == 200 }
        let at = end(bed, in: 100, spread: 2_000)
        let times = Guarded<[Int]>([])
        let readers = try clients.enumerated().map { number, client in
            try Background {
                let left = try client.read(count: 504)
                #expect(left == Array(TunnelEndTests.frame[500...]))
                #expect(try client.read(count: 4) == TunnelEndTests.goingAway)
                if number % 2 == 0 {
                    let late = Instant.now().milliseconds(since: at)
                    times.withLock { $0.append(late) }
                }
                try client.send(TunnelEndTests.closeOfClient[...])
                #expect(try client.readToEnd().isEmpty)
            }
        }
        try eventually("those between frames have ended") { times.withLock(\.count) == 100 }
        rest.open()
        for reader in readers { try reader.join() }
        let tenths = Dictionary(grouping: times.withLock(\.self)) { $0 / 200 }
        #expect((0..<10).allSatisfy { (3...20).contains(tenths[$0]?.count ?? 0) }, "\(tenths)")
        try eventually("all are counted") { bed.pool(.tunnelsDrained) == 200 }
        try eventually("no tunnel is left") { bed.worker(.tunnels) == 0 }
        #expect(bed.pool(.failures) == 0)
        let frames = closed.withLock(\.self)
        #expect(frames.count == 200)
        #expect(
            frames.allSatisfy {
                $0[..<2] == [0x88, 0x82] && $0[6] ^ $0[2] == 3 && $0[7] ^ $0[3] == 0xe9
            })
        bed.stop()
        replica.stop()
    }

    @Test("A WebSocket client that does not answer the close frame is closed all the same")
    func silentClient() throws {
        let replica = try TunnelEndTests.sockets(rest: Gate(), closed: Guarded([]))
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.send(TunnelEndTests.handshake)
        _ = try client.readHead()
        try client.send(TunnelEndTests.wish("w")[...])
        _ = try client.read(count: 1_004)
        _ = end(bed, in: 0, spread: 0)
        #expect(try client.readToEnd() == TunnelEndTests.goingAway)
        bed.stop()
        replica.stop()
    }

    @Test("A TCP tunnel ends at its deadline with FIN both ways")
    func tcp() throws {
        let hasEnded = Gate()
        let replica = try ScriptedReplica { wire in
            try ScriptedReplica.echoingBytes(wire)
            hasEnded.open()
        }
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try client.send("ping")
        #expect(try client.read(count: 4) == Array("ping".utf8))
        let at = end(bed, in: 300, spread: 0)
        #expect(try client.readToEnd().isEmpty)
        #expect(Instant.now() >= at)
        try hasEnded.wait()
        client.close()
        try eventually("it is counted") { bed.pool(.tunnelsDrained) == 1 }
        try eventually("no tunnel is left") { bed.worker(.tunnels) == 0 }
        #expect(bed.pool(.failures) == 0)
        bed.stop()
        replica.stop()
    }

    @Test("What a TCP tunnel has taken is delivered before its end")
    func flushed() throws {
        let replica = try ScriptedReplica { wire in
            try wire.sendPattern(64 << 20)
        }
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        let client = try bed.client()
        #expect(try client.hasMore())
        let at = end(bed, in: 100, spread: 0)
        try eventually("the replica is cut off") { Instant.now() > at.adding(milliseconds: 50) }
        let received = try client.readToEnd()
        #expect(received.count > 0 && received.count < 64 << 20)
        #expect(BytePattern.isStart(received))
        bed.stop()
        replica.stop()
    }

    @Test("Undrained in time, a tunnel goes on")
    func undrained() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        let client = try bed.client()
        try client.send("ping")
        _ = try client.read(count: 4)
        _ = end(bed, in: 300, spread: 100)
        bed.change { $0.pools[0].replicas[0].tunnelEnd = nil }
        #expect(client.isSilent(for: 0.6))
        try client.send("pong")
        #expect(try client.read(count: 4) == Array("pong".utf8))
        bed.stop()
        replica.stop()
    }

    @Test("A tunnel that opens while its replica is being drained has an end too")
    func late() throws {
        let replica = try ScriptedReplica(ScriptedReplica.echoingBytes)
        let bed = try Bed(replicas: [replica.address], mode: .tcp(.pool(0)))
        _ = end(bed, in: 300, spread: 100)
        bed.change { $0.pools[0].replicas[0].availability = .ready }
        let client = try bed.client()
        try client.send("ping")
        #expect(try client.read(count: 4) == Array("ping".utf8))
        #expect(try client.readToEnd().isEmpty)
        bed.stop()
        replica.stop()
    }
}
