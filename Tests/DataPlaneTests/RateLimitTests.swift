import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Too many requests")
struct RateLimitTests {
    private static func bed(_ limit: RateLimit, before replica: ScriptedReplica) throws -> Bed {
        let bed = try Bed(replicas: [replica.address])
        bed.change { snapshot in
            var limited = Route(row: 0, path: "/limited", target: .pool(0))
            limited.rateLimit = limit
            snapshot.routes = RouteTable([limited, Route(row: 1, target: .pool(0))])
        }
        try eventually("the routes are there") { bed.worker(.generation) == 2 }
        return bed
    }

    private static let twoAnHour = RateLimit(
        requests: 2, nanoseconds: 3_600_000_000_000, burst: 2, key: .header("x-user"))

    @Test("A client that has used up its allowance gets 429, the reason, and when to come again")
    func limited() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        let bed = try Self.bed(Self.twoAnHour, before: replica)
        let client = try bed.client()
        for user in ["a", "b"] {
            let ask = request("GET /limited", "X-User: \(user)")
            for _ in 0..<2 { #expect(try client.roundTrip(ask).status == 200) }
            let refused = try client.roundTrip(ask)
            #expect(refused.status == 429 && refused.reason == "rate_limited")
            let seconds = try #require(refused["retry-after"].flatMap { Int($0) })
            #expect((1_790...1_800).contains(seconds))
        }
        // The connection goes on, and other routes are not concerned.
        #expect(try client.roundTrip(request("GET /", "X-User: a")).status == 200)
        #expect(replica.requests == 5)
        bed.stop()
        replica.stop()
    }

    @Test("Without the field all share one allowance; bodies that are refused are not passed on")
    func shared() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        let bed = try Self.bed(Self.twoAnHour, before: replica)
        for _ in 0..<2 {
            let response = try bed.client().roundTrip(request("POST /limited", body: "x"))
            #expect(response.status == 200)
        }
        let refused = try bed.client().roundTrip(request("POST /limited", body: "x"))
        #expect(refused.status == 429)
        #expect(replica.requests == 2)
        bed.stop()
        replica.stop()
    }

    @Test("Behind a proxy that is trusted each of its clients has its own; others are not believed")
    func proxied() throws {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        let limit = RateLimit(
            requests: 1, nanoseconds: 3_600_000_000_000, burst: 1, key: .clientAddress)
        let bed = try Self.bed(limit, before: replica)
        func ask(_ forwarded: String) throws -> Int? {
            let field = "X-Forwarded-For: \(forwarded)"
            return try bed.client().roundTrip(request("GET /limited", field)).status
        }
        let everywhere = AddressRange(maskHigh: 0, maskLow: 0, baseHigh: 0, baseLow: 0)
        bed.change { $0.listeners[0].trusted = [everywhere] }
        try eventually("the proxy is trusted") { bed.worker(.generation) == 3 }
        #expect(try ask("192.0.2.1") == 200)
        #expect(try ask("192.0.2.2, 192.0.2.1") == 429)
        #expect(try ask("192.0.2.1,\t192.0.2.2") == 200)
        #expect(try ask("2001:db8::1") == 200)
        #expect(try ask("2001:db8::2") == 429)
        // What is no address counts for the proxy itself, and so does a stranger's word.
        #expect(try ask("somebody") == 200)
        bed.change { $0.listeners[0].trusted = [] }
        try eventually("nobody is trusted") { bed.worker(.generation) == 4 }
        #expect(try ask("192.0.2.3") == 429)
        bed.stop()
        replica.stop()
    }

    @Test("A client of IPv6 is its network, one of IPv4 its address")
    func addresses() throws {
        func hash(_ text: String) throws -> UInt64 {
            RateKey.hash(try #require(SocketAddress(numeric: text, port: 0)))
        }
        #expect(try hash("2001:db8::1") == hash("2001:db8::ffff"))
        #expect(try hash("2001:db8::1") != hash("2001:db8:0:1::1"))
        #expect(try hash("192.0.2.1") != hash("192.0.2.2"))
    }
}
