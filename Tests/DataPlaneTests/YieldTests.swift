import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Requests that wait for a pool of a split")
struct YieldTests {
    private func split(_ bed: Bed, weights: [Int], pins: [Pin] = []) throws {
        bed.change { snapshot in
            snapshot.pools = ["blue", "green"].enumerated().map { row, name in
                Pool(row: row, name: name, policy: .roundRobin, replicas: [])
            }
            let entries = weights.enumerated().map {
                SplitSchedule.Entry(pool: $0.offset, weight: $0.element)
            }
            var split = Split(
                row: 0, name: "both", schedule: SplitSchedule(entries), ticket: SplitTicket())
            split.pins = pins
            snapshot.splits = [split]
            snapshot.routes = RouteTable([Route(row: 0, target: .split(0))])
        }
        try eventually("it is adopted") { bed.worker(.generation) == 2 }
    }

    private func holding(_ bed: Bed) -> UInt64 {
        (0..<2).reduce(0) { sum, row in
            sum + bed.counters[0].pools.value(row: row, column: PoolColumn.holding.rawValue)
        }
    }

    @Test("All of them go to the first of its pools that is ready")
    func firstReady() throws {
        let green = try ScriptedReplica(ScriptedReplica.serving { Reply(bytes: $0.body) })
        let bed = try Bed(replicas: [])
        try split(bed, weights: [1, 1])
        let clients = try (0..<6).map { number in
            let client = try bed.client()
            try client.send(request("POST /", body: "body \(number)"))
            return client
        }
        try eventually("all wait") { holding(bed) == 6 }
        bed.change { $0.pools[1].replicas = [Bed.replica(0, green.address)] }
        for (number, client) in clients.enumerated() {
            client.patience = 3
            #expect(try client.readResponse().text == "body \(number)")
        }
        #expect(holding(bed) == 0 && green.requests == 6)
        bed.stop()
        green.stop()
    }

    @Test("None goes where it is pinned against, or where no share is")
    func stays() throws {
        let green = try ScriptedReplica(ScriptedReplica.saying("green"))
        let blue = try ScriptedReplica(ScriptedReplica.saying("blue"))
        let bed = try Bed(replicas: [])
        try split(bed, weights: [1, 1], pins: [Pin(key: .header("x-green"), entry: 1)])
        let pinned = try bed.client()
        try pinned.send(request("GET /", "X-Green: never"))
        try eventually("it waits") { holding(bed) == 1 }
        bed.change { $0.pools[1].replicas = [Bed.replica(0, green.address)] }
        #expect(pinned.isSilent(for: 0.6))
        bed.change { $0.pools[0].replicas = [Bed.replica(1, blue.address)] }
        #expect(try pinned.readResponse().text == "blue")
        #expect(bed.pool(.requests) == 1)
        bed.stop()
        green.stop()
        blue.stop()
    }
}
