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
}
