import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

/// What connections to replicas are made by changes while some are in use.
@Suite("Connections on former terms")
struct ChangedTermsTests {
    enum Change: CaseIterable {
        case tls, announced, announcedOtherwise, http2

        func set(in pool: inout Pool) throws {
            switch self {
            case .tls: pool.tls = try TLSContext(client: TLSClientSettings())
            case .announced: pool.settings.proxyProtocol = .v2
            case .announcedOtherwise: pool.settings.proxyProtocol = .v1
            case .http2: pool.settings.upstreamProtocol = .http2
            }
        }

        /// What a connection begins with that is made afterwards.
        var first: UInt8 {
            switch self {
            case .tls: 0x16
            case .announced: 0x0d
            case .announcedOtherwise, .http2: UInt8(ascii: "P")
            }
        }
    }

    /// The first connection is as the script has it; of the others the first byte is kept.
    private static func replica(
        _ firsts: Guarded<[UInt8]>, _ script: @escaping ScriptedReplica.Script
    ) throws -> ScriptedReplica {
        let count = Guarded(0)
        return try ScriptedReplica { wire in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 1 { return try script(wire) }
            let first = try wire.read(count: 1)
            firsts.withLock { $0 += first }
        }
    }

    @Test("What was busy when they changed carries nothing more", arguments: Change.allCases)
    func busy(change: Change) throws {
        let firsts = Guarded<[UInt8]>([])
        let (isAsked, mayAnswer) = (Gate(), Gate())
        let served = Guarded(0)
        let replica = try Self.replica(firsts) { wire in
            if change == .announcedOtherwise {
                let head = try wire.read(count: 16)
                _ = try wire.read(count: Int(head[15]))
            }
            while try wire.readRequest() != nil {
                served.withLock { $0 += 1 }
                isAsked.open()
                try mayAnswer.wait()
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        var settings = PoolSettings()
        if change == .announcedOtherwise { settings.proxyProtocol = .v2 }
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        try client.send(request("GET /"))
        try isAsked.wait()
        try bed.change { try change.set(in: &$0.pools[0]) }
        try eventually("the change is known") { bed.worker(.generation) == 2 }
        mayAnswer.open()
        #expect(try client.readResponse().text == "ok")
        try client.send(request("GET /"))
        try eventually("another connection") { firsts.withLock { $0.first } == change.first }
        #expect(served.withLock(\.self) == 1)
        bed.stop()
        replica.stop()
    }

    @Test("A connection of HTTP/2 in use takes no new streams when TLS is turned on")
    func carrier() throws {
        let firsts = Guarded<[UInt8]>([])
        let (isAsked, mayAnswer) = (Gate(), Gate())
        let served = Guarded(0)
        let replica = try Self.replica(firsts) { wire in
            try wire.beginStreams()
            while true {
                let stream = try wire.nextStream()
                served.withLock { $0 += 1 }
                isAsked.open()
                try mayAnswer.wait()
                try wire.answer(stream, "ok")
            }
        }
        var settings = PoolSettings()
        settings.upstreamProtocol = .http2
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let client = try bed.client()
        try client.send(request("GET /"))
        try isAsked.wait()
        try bed.change { try Change.tls.set(in: &$0.pools[0]) }
        try eventually("the change is known") { bed.worker(.generation) == 2 }
        try bed.client().send(request("GET /"))
        try eventually("another connection") { firsts.withLock { $0.first } == 0x16 }
        mayAnswer.open()
        #expect(try client.readResponse().text == "ok")
        #expect(served.withLock(\.self) == 1)
        bed.stop()
        replica.stop()
    }

    @Test("A handshake that is under way when TLS is turned off is for nothing, and costs nothing")
    func handshake() throws {
        let (isAsked, mayEnd) = (Gate(), Gate())
        let replica = try ScriptedReplica { wire in
            if try wire.read(count: 1) == [0x16] {
                isAsked.open()
                return try mayEnd.wait()
            }
            _ = try wire.read(until: "\r\n\r\n")
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
        }
        var settings = PoolSettings()
        settings.connectTimeoutMilliseconds = 10_000
        let bed = try Bed(replicas: [], settings: settings)
        try bed.change {
            $0.pools[0].replicas = [Bed.replica(0, replica.address)]
            try Change.tls.set(in: &$0.pools[0])
        }
        let client = try bed.client()
        try client.send(request("POST /", body: "x"))
        try isAsked.wait()
        bed.change { $0.pools[0].tls = nil }
        try eventually("the change is known") { bed.worker(.generation) == 3 }
        mayEnd.open()
        #expect(try client.readResponse().text == "plain")
        #expect(bed.pool(.retries) == 0)
        bed.stop()
        replica.stop()
    }
}
