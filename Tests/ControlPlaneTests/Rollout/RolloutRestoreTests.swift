import Metrics
import TestSupport
import Testing

@testable import ControlPlane

@Suite("Rollouts of a state file that somebody edited")
final class RolloutRestoreTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    deinit { folder.remove() }

    private var path: String { "\(folder.path)/state.json" }

    private func configuration() -> Configuration {
        var configuration = ControlDesk.configuration(pools: [
            ControlDesk.pool("a", [LoopbackAddress.unique()]),
            ControlDesk.pool("b", [LoopbackAddress.unique()]),
        ])
        configuration.splits = [SplitConfiguration(name: "s", weights: [("a", 95), ("b", 5)])]
        configuration.statePath = path
        return configuration
    }

    private func record() -> RolloutRecord {
        var record = RolloutRecord()
        record.split = "s"
        record.plan.to = "b"
        record.plan.hooks.afterAbort = "http://127.0.0.1:9/"
        record.weightsBefore = [PoolWeight("a", 95), PoolWeight("b", 5)]
        record.stage = .running
        record.stepsTaken = 2
        record.percent = 25
        return record
    }

    private func started(_ records: [RolloutRecord]) throws -> ControlDesk {
        var state = SavedState()
        let weights = [SavedState.Weight(pool: "a", weight: 95), .init(pool: "b", weight: 5)]
        state.splits = [SavedState.Split(name: "s", weights: weights, fileWeights: weights)]
        state.rollouts = records.map(\.json)
        StateSaver(path: path, log: StateLog(level: .debug) { _ in }).save(state)
        let desk = try ControlDesk(configuration())
        try desk.control.start()
        return desk
    }

    @Test("What no rollout can have is told and left out, and weir starts as its file says")
    func impossible() throws {
        let changes: [(String, (inout RolloutRecord) -> Void)] = [
            ("steps_taken", { $0.stepsTaken = -1 }),
            ("steps_taken", { $0.stepsTaken = 5 }),
            ("percent", { $0.percent = .max }),
            ("percent", { $0.percent = nil }),
            ("weights_before", { $0.weightsBefore[0].weight = .max }),
            ("weights_before", { $0.weightsBefore[0].weight = -1 }),
            ("weights_before", { $0.weightsBefore.append(PoolWeight("a", 1)) }),
            ("hook_attempts", { $0.hookAttempts = -5 }),
            ("hook_attempts", { $0.hookAttempts = .max }),
            ("timeline_dropped", { $0.timelineDropped = .max }),
            ("reference", { $0.reference.requests = .max }),
            ("reference", { $0.reference.latencies = Array(repeating: 1, count: 1_000) }),
            ("plan: steps", { $0.plan.steps = [1_000] }),
            ("plan: every_ms", { $0.plan.everyMilliseconds = -1 }),
        ]
        for (place, change) in changes {
            var record = record()
            change(&record)
            let desk = try started([record])
            #expect(desk.controller.rollouts.records.isEmpty, "\(place)")
            #expect(desk.controller.splits[0].weightsText == "a=95 b=5")
            let line = "not restored, the rollout of split s: \(place)"
            #expect(desk.lines.contains { $0.contains(line) }, "\(place): \(desk.lines)")
        }
    }

    @Test("One that is in order goes on at its step")
    func possible() throws {
        let desk = try started([record()])
        #expect(desk.controller.rollouts.records.map(\.percent) == [25])
        #expect(desk.controller.splits[0].weightsText == "a=75 b=25")
    }

    @Test("Nothing is written before all of the file was taken over")
    func halfRestored() throws {
        let desk = try ControlDesk(configuration())
        desk.controller.openState(path)
        desk.controller.saveState()
        #expect(desk.controller.saver?.load() == nil)
    }

    @Test("An answer of 500 that broke off is one error")
    func cutError() throws {
        let desk = try started([record()])
        try desk.turn(until: "ready") { desk.controller.pools[1].isReady }
        try desk.turn(until: "measured") {
            desk.controller.rollouts.report(split: "s")?.verdict != nil
        }
        let row = desk.controller.pools[1].row
        for column in [PoolColumn.status5xx, .cut] {
            desk.workers.counters[0].pools.add(5, row: row, column: column.rawValue)
        }
        try desk.turn(until: "counted") {
            desk.controller.rollouts.report(split: "s")?.canary?.requests == 5
        }
        #expect(desk.controller.rollouts.report(split: "s")?.canary?.errors == 5)
    }
}
