import Balancing
import HTTP
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Streams of clients")
struct StreamTests {
    private let post = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test("What was not taken of streams that are reset or answered early leaves room for others")
    func connectionWindow() throws {
        let bed = try Bed(replicas: [])
        let client = try StreamClient(bed)
        // A request that waits is kept up to 64 KiB; what comes behind that stays unread. Together
        // that is more than the connection may have under way.
        for user in UInt64(1)...200 {
            let stream = client.request(user, post, bodyBytes: 130_000)
            try client.talk(until: "90,000 bytes of stream \(user) are sent") {
                client.sent[user, default: 0] >= 90_000
            }
            client.session.reset(stream, code: HTTP2Error.cancel)
        }
        bed.stop()
    }

    @Test("Trailers of a request that nobody has taken do not come back behind the answer")
    func trailersOfRequest() throws {
        var settings = PoolSettings()
        settings.holdTimeoutMilliseconds = 300
        let bed = try Bed(replicas: [], settings: settings)
        let client = try StreamClient(bed)
        // More than is kept of a request that waits, so that its end waits too.
        let stream = client.request(1, post, bodyBytes: 90_000)
        client.session.end(stream, trailers: Array("x-secret: of the request\r\n".utf8).span)
        try client.talk(until: "an answer") { client.answers[1]?.hasEnded == true }
        #expect(client.answers[1]?.head.hasPrefix("HTTP/1.1 503 ") == true)
        #expect(client.answers[1]?.trailers == "")
        bed.stop()
    }

    @Test("Trailers of a request that are too large are its client's fault, and nobody else's")
    func largeTrailers() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("hello"))
        let bed = try Bed(replicas: [replica.address])
        let client = try StreamClient(bed)
        // The limit for those of HTTP/1.1, and what a head of HTTP/2 may have.
        for (user, lines) in [(UInt64(1), 8), (2, 10), (3, 30)] {
            let stream = client.request(user, post, bodyBytes: 5)
            let line = "x-t: " + String(repeating: "v", count: 900) + "\r\n"
            let trailers = String(repeating: line, count: lines)
            client.session.end(stream, trailers: Array(trailers.utf8).span)
            try client.talk(until: "an answer") { client.answers[user]?.hasEnded == true }
        }
        let statuses = (1...3).map { client.answers[$0]?.head.dropFirst(9).prefix(3) }
        #expect(statuses == ["200", "431", "431"])
        let failures = bed.counters[0].replicas.value(
            row: 0, column: ReplicaColumn.failures.rawValue)
        #expect(failures == 0)
        bed.stop()
        replica.stop()
    }

    @Test("Streams whose client has no room for them are read ahead together, not each by itself")
    func noRoom() throws {
        let stuck = Guarded(0)
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            _ = try wire.sendUntilFull([UInt8](repeating: 0x78, count: 65_536), quiet: 0.5)
            stuck.withLock { $0 += 1 }
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try StreamClient(bed, windowBytes: 4_000)
        client.reads = { _ in false }
        for user in UInt64(1)...32 { client.request(user, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try client.talk(until: "32 answers") {
            client.answers.values.allSatisfy { !$0.head.isEmpty }
        }
        try eventually(within: 30, "all replicas are stuck") { stuck.withLock { $0 } == 32 }
        // By itself each stream would have four large ones.
        #expect(bed.worker(.buffersInUse) < 100)
        // Those that get room go on, the first and the last.
        client.reads = { $0 == 1 || $0 == 32 }
        for user in [UInt64(1), 32] { client.makeRoom(user) }
        try client.talk(until: "the end of two answers") {
            client.answers[1]?.hasEnded == true && client.answers[32]?.hasEnded == true
        }
        bed.stop()
        replica.stop()
    }

    /// A header block without its end: a request that is none yet.
    private let half =
        FrameBytes.preface + FrameBytes.frame(4)
        + FrameBytes.frame(1, flags: 1, stream: 1, [0x82, 0x84, 0x86])

    @Test("A client that never ends a header block is disconnected")
    func halfHeaders() throws {
        let bed = try Bed(replicas: [])
        bed.change { $0.limits.headTimeoutMilliseconds = 200 }
        let client = try bed.client()
        try client.send(half)
        #expect(client.isClosedByOtherSide(within: 10))
        bed.stop()
    }

    @Test("The end of the program does not wait for the end of a header block")
    func drainWithHalfHeaders() throws {
        let bed = try Bed(replicas: [])
        let client = try bed.client()
        try client.send(half)
        try eventually("the connection is there") { bed.worker(.clientConnections) == 1 }
        #expect(milliseconds { bed.stop(within: 20_000) } < 15_000)
        client.close()
    }

    @Test("A client that reads nothing is disconnected, though it says that it is there")
    func pings() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            try wire.sendPattern(100_000_000)
        }
        let bed = try Bed(replicas: [replica.address])
        bed.change { $0.limits.clientIdleTimeoutMilliseconds = 1_000 }
        let client = try bed.client()
        let widest: [UInt8] = [0, 4, 0x7f, 0xff, 0xff, 0xff]
        try client.send(FrameBytes.preface + FrameBytes.frame(4, widest))
        try client.send(FrameBytes.frame(8, [0x3f, 0xff, 0xff, 0xff]) + FrameBytes.request(1))
        var next = Deadline(seconds: 0)
        try eventually(within: 15, "the connection is closed") {
            guard next.hasPassed else { return false }
            next = Deadline(seconds: 0.2)
            do { try client.send(FrameBytes.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])) } catch {
                return true
            }
            return false
        }
        bed.stop()
        replica.stop()
    }
}
