import Balancing
import Metrics
import TestSupport
import Testing

@testable import DataPlane

@Suite("Trailers of responses by streams")
struct StreamTrailerTests {
    private let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    /// Answers each request with a body and these trailers.
    private static func replica(
        _ trailers: [(String, String)], length: Bool = false
    ) throws -> ScriptedReplica {
        let told = length ? [("content-length", "4")] : []
        return try ScriptedReplica { wire in
            try wire.beginStreams()
            while true {
                let stream = try wire.nextStream()
                let head = [(":status", "200")] + told
                try wire.send(FrameBytes.headers(stream, head, ends: false))
                try wire.send(FrameBytes.data(stream, "body"))
                try wire.send(FrameBytes.headers(stream, trailers))
            }
        }
    }

    private static func bed(_ replica: ScriptedReplica) throws -> Bed {
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        return try Bed(replicas: [replica.address], settings: settings)
    }

    @Test(
        "Those that are too large cut the response, and are counted",
        arguments: [(1, 3_000), (4, 800)])
    func large(lines: Int, bytes: Int) throws {
        let value = String(repeating: "v", count: bytes)
        let replica = try Self.replica((0..<lines).map { ("x-\($0)", value) })
        let bed = try Self.bed(replica)
        bed.change { $0.limits.responseHeadBytesMaximum = 2_000 }
        try eventually("the limit is known") { bed.worker(.generation) == 2 }
        let client = try bed.client()
        try client.send(get)
        #expect(try client.read(until: "body\r\n").contains(" 200 "))
        #expect(throws: (any Error).self) { _ = try client.read(until: "0\r\n\r\n") }
        let streams = try StreamClient(bed)
        streams.request(1, get)
        try streams.talk(until: "the end") { streams.closed.contains(1) }
        #expect(streams.answers[1]?.hasEnded == false)
        #expect(streams.answers[1]?.trailers == "")
        try eventually("both are counted") { bed.pool(.cut) == 2 }
        #expect(bed.pool(.failures) == 2)
        bed.stop()
        replica.stop()
    }

    @Test("Those behind a body whose length was told reach a client of HTTP/2")
    func behindLength() throws {
        let replica = try Self.replica([("grpc-status", "0")], length: true)
        let bed = try Self.bed(replica)
        let streams = try StreamClient(bed)
        for user in UInt64(1)...3 {
            streams.request(user, get)
            try streams.talk(until: "the end") { streams.answers[user]?.hasEnded == true }
            #expect(streams.answers[user]?.bodyBytes == 4)
            #expect(streams.answers[user]?.trailers == "grpc-status: 0\r\n")
        }
        #expect(try bed.client().roundTrip(get).text == "body")
        #expect(replica.connections == 1)
        bed.stop()
        replica.stop()
    }
}
