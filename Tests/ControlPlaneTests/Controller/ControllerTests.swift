import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("The controller")
struct ControllerTests {
    private func accepts(_ address: SocketAddress) -> Bool {
        do {
            _ = try Wire(to: address)
            return true
        } catch {
            return false
        }
    }

    @Test("After start all listeners accept and one snapshot is out, before anything resolved")
    func start() throws {
        let addresses = [LoopbackAddress.unique(), LoopbackAddress.unique()]
        var pool = PoolConfiguration(name: "app")
        pool.sources = [.name("app.invalid", port: 80, weight: 1)]
        let desk = try ControlDesk(
            ControlDesk.configuration(
                listeners: addresses.enumerated().map { ControlDesk.listener("l\($0)", $1) },
                pools: [pool]))
        try desk.control.start()
        #expect(desk.snapshots.count == 1)
        #expect(desk.last?.generation == 1)
        #expect(desk.last?.listeners.map(\.descriptors.count) == [2, 2])
        #expect(desk.last?.pools.first?.replicas.isEmpty == true)
        #expect(addresses.allSatisfy(accepts))
        #expect(!desk.controller.notReadyReasons().isEmpty)
    }

    @Test("A port that the kernel chooses is the same for all workers, and told")
    func portZero() throws {
        let desk = try ControlDesk(
            ControlDesk.configuration(
                listeners: [ControlDesk.listener("web", SocketAddress.loopback)]),
            workers: 3)
        try desk.control.start()
        let ports = try #require(desk.last?.listeners.first?.descriptors).map {
            Socket.localAddress(of: Descriptor($0))?.port
        }
        #expect(Set(ports).count == 1)
        #expect(desk.controller.status().listeners.map(\.bind) == ["127.0.0.1:\(ports[0] ?? 0)"])
    }

    @Test("An address in use is told with the listener's name, and nothing stays open")
    func inUse() throws {
        let taken = LoopbackAddress.unique()
        let free = LoopbackAddress.unique()
        let owner = try Socket.listen(on: taken, sharing: .perWorker)
        defer { owner.close() }
        let desk = try ControlDesk(
            ControlDesk.configuration(
                listeners: [ControlDesk.listener("a", free), ControlDesk.listener("b", taken)]))
        let error = #expect(throws: ControlError.self) { try desk.control.start() }
        #expect(error?.problems.count == 1)
        #expect(
            error?.description.contains("listener b: bind \(taken): Address already in use") == true
        )
        #expect(desk.snapshots.isEmpty)
        #expect(!accepts(free))
    }

    @Test("Many changes in one turn make one snapshot")
    func coalescing() throws {
        let pools = (0..<20).map { ControlDesk.pool("p\($0)", [LoopbackAddress.unique()]) }
        let desk = try ControlDesk(ControlDesk.configuration(pools: pools))
        try desk.control.start()
        try desk.turn(until: "all replicas are ready") {
            desk.last?.pools.allSatisfy { $0.replicas.first?.availability == .ready } == true
        }
        #expect(desk.snapshots.count < 6)
        #expect(desk.controller.notReadyReasons().isEmpty)
        let rows = try #require(desk.last).pools.flatMap { $0.replicas.map(\.row) }
        #expect(Set(rows).count == 20)
    }

    @Test("A turn without a change publishes nothing")
    func quiet() throws {
        let desk = try ControlDesk(
            ControlDesk.configuration(pools: [ControlDesk.pool("a", [LoopbackAddress.unique()])]))
        try desk.control.start()
        try desk.turn(until: "ready") { desk.last?.pools.first?.replicas.first != nil }
        let count = desk.snapshots.count
        for _ in 0..<20 { desk.control.turn(milliseconds: 1) }
        desk.controller.publishIfDue()
        #expect(desk.snapshots.count == count)
    }

    @Test("What a worker observed reaches the replica's director, and the log")
    func observation() throws {
        let replica = try ScriptedReplica { wire in wire.ignoreEverything() }
        defer { replica.stop() }
        var pool = ControlDesk.pool("app", [replica.address])
        pool.probe.kind = .tcp
        let desk = try ControlDesk(ControlDesk.configuration(pools: [pool]))
        try desk.control.start()
        try desk.turn(until: "ready") {
            desk.last?.pools.first?.replicas.first?.availability == .ready
        }
        let row = try #require(desk.last?.pools.first?.replicas.first?.row)
        let poolRow = try #require(desk.last?.pools.first?.row)
        desk.workers.observations[1].push(
            Observation(kind: .connectRefused, poolRow: poolRow, replicaRow: row))
        desk.workers.wakeup.signal()
        try desk.turn(until: "a line about it") {
            desk.lines.contains { $0.contains("ready -> ") && $0.contains("connect refused") }
        }
        let line = try #require(desk.lines.first { $0.contains("connect refused") })
        #expect(line.contains("warning pool=app replica=\(replica.address) ready -> "))
        #expect(!line.contains("\(replica.address) \(replica.address)"))
    }

    @Test("Shifted weights are in the snapshot at once")
    func shift() throws {
        var configuration = ControlDesk.configuration(
            pools: [ControlDesk.pool("a", []), ControlDesk.pool("b", [])])
        configuration.splits = [SplitConfiguration(name: "s", weights: [("a", 1), ("b", 0)])]
        let desk = try ControlDesk(configuration)
        try desk.control.start()
        try desk.controller.shift(split: "s", weights: [("a", 0), ("b", 7)])
        #expect(desk.last?.splits.first?.schedule.pool(at: 0) == 1)
        #expect(
            desk.lines.contains { $0.contains("split=s a=1 b=0 -> a=0 b=7 cause=\"operator\"") })
        #expect(throws: ControlError("there is no split \"x\"; there is s")) {
            try desk.controller.shift(split: "x", weights: [("a", 1)])
        }
    }

    @Test("A shutdown is one snapshot that says draining, and ends when the workers have ended")
    func shutdown() throws {
        let desk = try ControlDesk(ControlDesk.configuration())
        try desk.control.start()
        desk.control.beginShutdown()
        guard case .draining(let deadline) = desk.last?.phase else {
            Issue.record("not draining")
            return
        }
        #expect(deadline > Instant.now().nanoseconds)
        #expect(desk.controller.notReadyReasons() == ["draining: the program is about to end"])
        #expect(throws: ControlError.self) { try desk.control.reload() }
        desk.endWorkers()
        desk.control.run()
        #expect(desk.lines.last?.contains("draining -> ended") == true)
    }

    @Test("Figures of all workers are added up in the status")
    func figures() throws {
        let address = LoopbackAddress.unique()
        let desk = try ControlDesk(
            ControlDesk.configuration(pools: [ControlDesk.pool("app", [address])]))
        try desk.control.start()
        try desk.turn(until: "ready") { desk.last?.pools.first?.replicas.first != nil }
        let pool = try #require(desk.last?.pools.first)
        for (index, counters) in desk.workers.counters.enumerated() {
            counters.pools.add(10, row: pool.row, column: PoolColumn.requests.rawValue)
            counters.pools.add(
                10, row: pool.row,
                column: PoolColumn.histogram.rawValue + Histogram.bucket(microseconds: 2_000))
            counters.replicas.add(
                5, row: pool.replicas[0].row, column: ReplicaColumn.status2xx.rawValue)
            desk.workers.board.begin(replicaRow: pool.replicas[0].row, worker: index)
        }
        let report = try #require(desk.controller.status().pools.first)
        #expect(report.requests == 20)
        #expect(report.inFlight == 2)
        #expect(report.replicas.map(\.responses.total) == [10])
        #expect(report.replicas.map(\.state) == ["ready"])
        #expect(report.medianMilliseconds.map { (1.7...2.4).contains($0) } == true)
        #expect(
            desk.controller.metricsPage().contains(
                "weir_pool_requests_received_total{pool=\"app\"} 20\n"))
    }

    @Test("Tunnels that open are good answers: a replica where none does is ejected")
    func ejectsFromTCPPool() throws {
        let addresses = (0..<3).map { _ in LoopbackAddress.unique() }
        let desk = try ControlDesk(
            ControlDesk.configuration(pools: [ControlDesk.pool("a", addresses)]))
        try desk.control.start()
        try desk.turn(until: "ready") { desk.last?.pools.first?.replicas.count == 3 }
        let rows = try #require(desk.last?.pools[0].replicas.map(\.row))
        let counters = desk.workers.counters[0].replicas
        for row in rows[..<2] {
            counters.add(100, row: row, column: ReplicaColumn.tunnels.rawValue)
        }
        counters.add(30, row: rows[2], column: ReplicaColumn.failures.rawValue)
        try desk.turn(until: "ejected") {
            desk.last?.pools[0].replicas.map(\.availability) == [.ready, .ready, .closed]
        }
        #expect(desk.lines.contains { $0.contains("ready -> down cause=\"ejected for ") })
    }
}
