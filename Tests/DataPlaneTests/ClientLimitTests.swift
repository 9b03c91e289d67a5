import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Connections of one client")
struct ClientLimitTests {
    private static func bed(_ maximum: Int, mode: Listener.Mode = .http) throws -> Bed {
        let replica = try ScriptedReplica(ScriptedReplica.saying("ok"))
        let bed = try Bed(replicas: [replica.address], mode: mode)
        bed.change { $0.limits.connectionsPerClientMaximum = maximum }
        try eventually("the limit is there") { bed.worker(.generation) == 2 }
        return bed
    }

    private static func refused(_ bed: Bed) -> UInt64 {
        bed.counters[0].listeners.value(row: 0, column: ListenerColumn.clientsRefused.rawValue)
    }

    @Test("One too many gets 429 with its reason; when another ends there is room again")
    func http() throws {
        let bed = try Self.bed(2)
        let served = try (0..<2).map { _ in try bed.client() }
        for client in served { #expect(try client.roundTrip(request("GET /")).status == 200) }
        let surplus = try bed.client()
        let answer = try surplus.readResponse()
        #expect(answer.status == 429 && answer.reason == "client_connections")
        #expect(answer["retry-after"] != nil && answer["connection"] == "close")
        #expect(surplus.isClosedByOtherSide(within: 5))
        #expect(try served[0].roundTrip(request("GET /")).status == 200)
        served[0].close()
        try eventually("there is room") {
            let client = try bed.client()
            try client.send(request("GET /"))
            return try client.readResponse().status == 200
        }
        #expect(Self.refused(bed) >= 1)
        bed.stop()
    }

    @Test("On TCP one too many is closed, and nothing of it reaches a replica")
    func tcp() throws {
        let bed = try Self.bed(1, mode: .tcp(.pool(0)))
        let served = try bed.client()
        #expect(try served.roundTrip(request("GET /")).status == 200)
        let surplus = try bed.client()
        #expect(surplus.isClosedByOtherSide(within: 5))
        #expect(Self.refused(bed) == 1)
        bed.stop()
    }

    @Test("Who is believed to speak for others is not counted")
    func trusted() throws {
        let bed = try Self.bed(1)
        bed.change { snapshot in
            snapshot.listeners[0].trusted = [
                AddressRange(maskHigh: 0, maskLow: 0, baseHigh: 0, baseLow: 0)
            ]
        }
        try eventually("the snapshot is there") { bed.worker(.generation) == 3 }
        let clients = try (0..<3).map { _ in try bed.client() }
        for client in clients { #expect(try client.roundTrip(request("GET /")).status == 200) }
        #expect(Self.refused(bed) == 0)
        bed.stop()
    }

    @Test("A client of IPv6 is its network, at each listener of its own")
    func keys() throws {
        let key = SigningKey(high: 1, low: 2)
        func hash(_ text: String, _ listener: Int) throws -> UInt64 {
            let address = try #require(SocketAddress(numeric: text, port: 0))
            return ConnectionKey.hash(address, listener: listener, key: key)
        }
        #expect(try hash("2001:db8::1", 0) == hash("2001:db8::ffff", 0))
        #expect(try hash("2001:db8::1", 0) != hash("2001:db8:0:1::1", 0))
        #expect(try hash("192.0.2.1", 0) != hash("192.0.2.2", 0))
        #expect(try hash("192.0.2.1", 0) != hash("192.0.2.1", 1))
    }
}
