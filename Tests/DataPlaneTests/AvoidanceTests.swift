import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Replicas that are left alone, or were tried")
struct AvoidanceTests {
    @Test("A pool of a split has its share again when its replica need not be avoided any more")
    func shareComesBack() throws {
        let flaky = try ScriptedReplica(ScriptedReplica.saying("flaky"))
        let other = try ScriptedReplica(ScriptedReplica.saying("other"))
        flaky.refuse()
        var settings = PoolSettings()
        settings.holdTimeoutMilliseconds = 0
        let bed = try Bed(replicas: [flaky.address], settings: settings)
        bed.change { snapshot in
            snapshot.pools.append(
                Pool(
                    row: 1, name: "other", policy: .roundRobin,
                    replicas: [Bed.replica(1, other.address)]))
            let entries = [(0, 1), (1, 1)].map { SplitSchedule.Entry(pool: $0.0, weight: $0.1) }
            snapshot.splits = [
                Split(
                    row: 0, name: "both", schedule: SplitSchedule(entries), ticket: SplitTicket())
            ]
            snapshot.routes = RouteTable([Route(row: 0, target: .split(0))])
        }
        let client = try bed.client()
        try eventually("its replica is avoided") {
            try client.roundTrip(request("GET /")).status == 502
        }
        try flaky.start()
        #expect(try client.roundTrip(request("GET /")).text == "other")
        try eventually("it has its share") {
            try client.roundTrip(request("GET /")).text == "flaky"
        }
        bed.stop()
        flaky.stop()
        other.stop()
    }

    @Test("One that has waited does not go back to the replica that lost it, if there is another")
    func elsewhereAfterWaiting() throws {
        let isAsked = Guarded(0)
        let frozen = try ScriptedReplica { wire in
            guard try wire.readRequest() != nil else { return }
            isAsked.withLock { $0 += 1 }
            wire.ignoreEverything()
        }
        let other = try ScriptedReplica(ScriptedReplica.saying("other"))
        let bed = try Bed(replicas: [])
        for round in 1...6 {
            bed.change { $0.pools[0].replicas = [Bed.replica(0, frozen.address)] }
            let client = try bed.client()
            try client.send(request("GET /"))
            try eventually("the replica has it") { isAsked.withLock(\.self) == round }
            bed.change { $0.pools[0].replicas = [Bed.replica(0, frozen.address, .lost)] }
            try eventually("it waits") { bed.pool(.holding) == 1 }
            bed.change {
                $0.pools[0].replicas = [
                    Bed.replica(0, frozen.address), Bed.replica(1, other.address),
                ]
            }
            client.patience = 2
            #expect(try client.readResponse().text == "other")
        }
        bed.stop()
        frozen.stop()
        other.stop()
    }

    @Test("The answer of a replica whose pool has gone meanwhile is the client's, whatever it says")
    func statusOfGonePool() throws {
        let isAsked = Gate()
        let mayEnd = Gate()
        let busy = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            isAsked.open()
            try mayEnd.wait()
            try wire.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
        }
        let idle = try ScriptedReplica { $0.ignoreEverything() }
        var settings = PoolSettings()
        settings.retryStatuses = .unavailable
        let bed = try Bed(replicas: [busy.address], settings: settings)
        let client = try bed.client()
        try client.send(request("GET /"))
        try isAsked.wait()
        bed.change { $0.pools[0].replicas.append(Bed.replica(1, idle.address)) }
        bed.change { $0.pools[0] = Pool(row: 1, name: "b", policy: .roundRobin, replicas: []) }
        try eventually("the pool is gone") { bed.worker(.generation) == 3 }
        mayEnd.open()
        #expect(try client.readResponse().text == "busy")
        bed.stop()
        busy.stop()
        idle.stop()
    }
}
