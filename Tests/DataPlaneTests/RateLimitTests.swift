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
