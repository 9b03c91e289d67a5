import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Reload")
struct ReloadTests {
    private func ready(_ desk: ControlDesk) throws {
        try desk.turn(until: "all replicas are ready") {
            desk.last?.pools.allSatisfy {
                !$0.replicas.isEmpty && $0.replicas.allSatisfy { $0.availability == .ready }
            } == true
        }
    }

    @Test("If one new listener cannot be opened, nothing changes at all")
    func allOrNothing() throws {
        let kept = LoopbackAddress.unique()
        let new = LoopbackAddress.unique()
        let taken = LoopbackAddress.unique()
        let owner = try Socket.listen(on: taken, sharing: .exclusive)
        defer { owner.close() }
        let before = ControlDesk.configuration(
            listeners: [ControlDesk.listener("web", kept)],
            pools: [ControlDesk.pool("app", [LoopbackAddress.unique()])])
        let desk = try ControlDesk(before)
        try desk.control.start()
        try ready(desk)
        let generation = desk.controller.generation

        var after = before
        after.listeners += [ControlDesk.listener("new", new), ControlDesk.listener("bad", taken)]
        after.pools = []
        desk.control.source = { () throws(ControlError) in after }
        let error = #expect(throws: ControlError.self) { try desk.control.reload() }
        #expect(error?.description.contains("listener bad: bind \(taken)") == true)
        desk.controller.publishIfDue()
        #expect(desk.controller.generation == generation)
        #expect(desk.controller.configuration == before)
        #expect(throws: (any Error).self) { try Wire(to: new) }
        #expect(
            desk.lines.last?.contains("error reload refused, nothing changed: listener bad") == true
        )
    }

    @Test("A file with problems changes nothing, and each problem is logged")
    func badFile() throws {
        let desk = try ControlDesk(ControlDesk.configuration())
        try desk.control.start()
        desk.control.source = { () throws(ControlError) in throw ControlError(["one", "two"]) }
        #expect(throws: ControlError(["one", "two"])) { try desk.control.reload() }
        #expect(desk.lines.suffix(2).map { $0.contains("reload refused") } == [true, true])
        #expect(desk.snapshots.count == 1)
    }

    @Test("What stays keeps its sockets, rows, replicas and shifted weights")
    func kept() throws {
        let address = LoopbackAddress.unique()
        var configuration = ControlDesk.configuration(
            listeners: [
                ControlDesk.listener("old", LoopbackAddress.unique()),
                ControlDesk.listener("web", address),
            ],
            pools: [
                ControlDesk.pool("gone", [LoopbackAddress.unique()]),
                ControlDesk.pool("app", [LoopbackAddress.unique(), LoopbackAddress.unique()]),
            ])
        configuration.splits = [SplitConfiguration(name: "s", weights: [("app", 1)])]
        let desk = try ControlDesk(configuration)
        try desk.control.start()
        try ready(desk)
        try desk.controller.shift(split: "s", weights: [("app", 9)])
        let before = try #require(desk.last)

        configuration.listeners[1].name = "renamed"
        configuration.listeners.removeFirst()
        configuration.pools.removeFirst()
        configuration.pools[0].settings.attemptsMaximum = 7
        try desk.controller.reload(configuration)
        let after = try #require(desk.last)
        #expect(after.generation == before.generation + 1)
        #expect(after.listeners.map(\.name) == ["renamed"])
        #expect(after.listeners[0].row == before.listeners[1].row)
        #expect(after.listeners[0].descriptors == before.listeners[1].descriptors)
        #expect(after.pools.map(\.row) == [before.pools[1].row])
        #expect(after.pools[0].replicas.map(\.row) == before.pools[1].replicas.map(\.row))
        #expect(after.pools[0].replicas.allSatisfy { $0.availability == .ready })
        #expect(after.pools[0].settings.attemptsMaximum == 7)
        #expect(desk.controller.status().splits[0].parts[0].weight == 9)
        #expect(after.splits[0].ticket === before.splits[0].ticket)
    }

    @Test(
        "A row that a reload frees counts from zero for its next owner, and waits for the workers")
    func rows() throws {
        let first = ControlDesk.configuration(pools: [
            ControlDesk.pool("a", [LoopbackAddress.unique()])
        ])
        let desk = try ControlDesk(first)
        try desk.control.start()
        try ready(desk)
        desk.adopt()
        let row = try #require(desk.last?.pools.first?.row)
        desk.workers.counters[0].pools.add(5, row: row, column: PoolColumn.requests.rawValue)

        try desk.controller.reload(ControlDesk.configuration(pools: [ControlDesk.pool("b", [])]))
        #expect(desk.last?.pools.first?.row != row)

        desk.adopt()
        try desk.controller.reload(
            ControlDesk.configuration(pools: [ControlDesk.pool("b", []), ControlDesk.pool("c", [])])
        )
        let reused = desk.last?.pools.last?.row
        try desk.controller.reload(
            ControlDesk.configuration(
                pools: ["b", "c", "d"].map { ControlDesk.pool($0, []) }))
        let rows = desk.last?.pools.map(\.row) ?? []
        #expect(Set(rows).count == 3)
        #expect(reused == row || rows.contains(row))
        #expect(desk.controller.status().pools.allSatisfy { $0.requests == 0 })
    }

    @Test("A replica's row stays taken while something on it is in flight")
    func inFlight() throws {
        let pool = ControlDesk.pool("a", [LoopbackAddress.unique()])
        let desk = try ControlDesk(ControlDesk.configuration(pools: [pool]))
        try desk.control.start()
        try ready(desk)
        desk.adopt()
        let row = try #require(desk.last?.pools.first?.replicas.first?.row)
        desk.workers.board.begin(replicaRow: row, worker: 0)
        for name in ["b", "c", "d"] {
            try desk.controller.reload(
                ControlDesk.configuration(
                    pools: [ControlDesk.pool(name, [LoopbackAddress.unique()])]))
            try ready(desk)
            desk.adopt()
            #expect(desk.last?.pools.first?.replicas.first?.row != row)
        }
        desk.workers.board.end(replicaRow: row, worker: 0)
        #expect(desk.workers.board.inFlight(replicaRow: row) == 0)
    }
}
