import Balancing
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("What survives a restart")
final class ControllerStateTests {
    private let folder: TemporaryFolder
    private let addresses = (0..<2).map { _ in LoopbackAddress.unique() }

    init() throws { folder = try TemporaryFolder() }

    deinit { folder.remove() }

    private var path: String { "\(folder.path)/state.json" }

    private func configuration() -> Configuration {
        var configuration = ControlDesk.configuration(pools: [
            ControlDesk.pool("a", addresses), ControlDesk.pool("b", [addresses[0]]),
        ])
        configuration.splits = [SplitConfiguration(name: "s", weights: [("a", 95), ("b", 5)])]
        configuration.statePath = path
        return configuration
    }

    private func started(_ configuration: Configuration? = nil) throws -> ControlDesk {
        let desk = try ControlDesk(configuration ?? self.configuration())
        try desk.control.start()
        return desk
    }

    private func awaitReplicas(_ desk: ControlDesk) throws {
        try desk.turn(until: "replicas are known") { desk.last?.pools[0].replicas.count == 2 }
    }

    /// A desk on which everything was changed.
    private func change() throws {
        let desk = try started()
        try awaitReplicas(desk)
        try desk.controller.shift(split: "s", weights: [("b", 20)])
        _ = try desk.controller.drain(
            DrainRequest(replicas: ["\(addresses[0])"], pool: "a"))
        try desk.controller.pause(pool: "b", waitMilliseconds: 60_000)
    }

    @Test("Weights, drains and pauses are back, before the first request could go wrong")
    func all() throws {
        try change()
        let desk = try started()
        #expect(desk.snapshots.count == 1)
        #expect(desk.controller.splits[0].weightsText == "a=95 b=20")
        #expect(desk.last?.pools[1].isPaused == true)
        #expect(desk.last?.pools[1].settings.holdTimeoutMilliseconds == 60_000)
        try awaitReplicas(desk)
        for snapshot in desk.snapshots {
            let seen = snapshot.pools[0].replicas.first {
                $0.port == addresses[0].port
                    && $0.addressLow == addresses[0].low
            }
            #expect(seen?.availability != .ready)
        }
        #expect(desk.last?.pools[0].replicas.map(\.availability) == [.closed, .ready])
        #expect(desk.lines.contains { $0.contains("a=95 b=20 cause=\"the state file\"") })
        #expect(desk.lines.contains { $0.contains("drained cause=\"the state file\"") })
        let again = try started()
        try awaitReplicas(again)
        #expect(again.last?.pools[0].replicas.map(\.availability) == [.closed, .ready])
    }

    @Test("Signing key and slots of a sticky split are back; a broken key is said")
    func keyAndSlots() throws {
        var sticky = configuration()
        sticky.splits[0].sticky = .cookie(CookieConfiguration())
        let desk = try started(sticky)
        let key = desk.controller.signingKey
        // In another order the pools keep the slots that they had, which a new table would not.
        sticky.splits[0].weights = [("b", 5), ("a", 95)]
        try desk.controller.reload(sticky)
        try desk.controller.shift(split: "s", weights: [("b", 20)])
        let table = desk.controller.splits[0].table
        #expect(table != StickyTable(weights: [20, 95]))
        let after = try started(sticky)
        #expect(after.controller.signingKey == key)
        #expect(after.controller.splits[0].table == table)
        #expect(after.last?.splits[0].stickiness.table == table)
        let text = try TextFile.read(path)
        #expect(text.contains(key.text))
        #expect(!(desk.lines + after.lines).joined().contains(key.text))
        try TextFile.write(text.replacing(key.text, with: "x"), to: path)
        let broken = try started(sticky)
        #expect(broken.controller.signingKey != key)
        #expect(broken.lines.contains { $0.contains("not restored, the signing key") })
    }

    @Test("What was taken back is not in the file")
    func takenBack() throws {
        try change()
        let desk = try started()
        try awaitReplicas(desk)
        _ = try desk.controller.undrain(DrainRequest(replicas: ["\(addresses[0])"], pool: "a"))
        try desk.controller.resume(pool: "b")
        try desk.controller.shift(split: "s", weights: [("b", 5)])
        let after = try started()
        try awaitReplicas(after)
        #expect(after.controller.splits[0].weightsText == "a=95 b=5")
        #expect(after.last?.pools.map(\.isPaused) == [false, false])
        #expect(after.last?.pools[0].replicas.map(\.availability) == [.ready, .ready])
    }

    @Test("A drain whose replica is not there can be taken back, and does not stop the others")
    func pending() throws {
        try change()
        var other = configuration()
        other.pools[0].sources.removeFirst()
        let desk = try started(other)
        #expect(desk.controller.pendingDrains.count == 1)
        #expect(throws: ControlError.self) {
            try desk.controller.undrain(DrainRequest(replicas: ["10.9.9.9:1"]))
        }
        _ = try desk.controller.undrain(
            DrainRequest(replicas: ["\(addresses[0])"], pool: "a"))
        #expect(desk.controller.pendingDrains.isEmpty)
        let after = try started()
        try awaitReplicas(after)
        #expect(after.last?.pools[0].replicas.map(\.availability) == [.ready, .ready])
    }

    @Test("A refused undrain takes back nothing, and one of several pools takes back all")
    func undrainOfSome() throws {
        let desk = try started()
        try awaitReplicas(desk)
        var drain = DrainRequest(replicas: ["\(addresses[0])"])
        drain.emptying = .allowed
        _ = try desk.controller.drain(drain)
        // Of the two pools with the replica one has not found it yet.
        var other = configuration()
        other.pools[1].sources = []
        let after = try started(other)
        try awaitReplicas(after)
        #expect(after.controller.pendingDrains.map(\.drain.pool) == ["b"])
        #expect(throws: ControlError.self) {
            try after.controller.undrain(
                DrainRequest(replicas: [addresses[0].host, "10.9.9.9:1"]))
        }
        #expect(after.controller.pendingDrains.count == 1)
        let found = try after.controller.undrain(DrainRequest(replicas: [addresses[0].host]))
        #expect(found.map(\.pool.name) == ["a"])
        #expect(after.controller.pendingDrains.isEmpty)
        #expect(after.last?.pools[0].replicas.map(\.availability) == [.ready, .ready])
    }

    @Test(
        "If the file has other weights than the shift was made from, the file wins, and it is said")
    func otherWeights() throws {
        try change()
        var other = configuration()
        other.splits[0].weights = [("a", 50), ("b", 50)]
        let desk = try started(other)
        #expect(desk.controller.splits[0].weightsText == "a=50 b=50")
        #expect(
            desk.lines.contains {
                $0.contains("not restored, the weights of split s") && $0.contains("a=50 b=50")
            })
    }

    @Test("What the configuration has no more is said and left out")
    func gone() throws {
        try change()
        var other = configuration()
        other.splits = []
        other.pools = [ControlDesk.pool("c", [])]
        let desk = try started(other)
        let lost = desk.lines.filter { $0.contains("state: not restored") }
        #expect(lost.count == 3, "\(desk.lines)")
    }

    @Test("A reload keeps everything, and a broken file stops nothing")
    func reloadAndBroken() throws {
        try change()
        let desk = try started()
        try awaitReplicas(desk)
        var next = configuration()
        next.pools.append(ControlDesk.pool("c", []))
        try desk.controller.reload(next)
        #expect(desk.controller.splits[0].weightsText == "a=95 b=20")
        #expect(desk.last?.pools[1].isPaused == true)
        #expect(desk.last?.pools[0].replicas.map(\.availability) == [.closed, .ready])
        try TextFile.write("{", to: path)
        let after = try started()
        #expect(after.controller.splits[0].weightsText == "a=95 b=5")
        #expect(after.lines.contains { $0.contains("is broken at byte 1") })
        #expect(try SavedState(reading: Array(TextFile.read(path).utf8)).splits.count == 1)
    }

    @Test("Another path at a reload gets the state at once, and off ends it")
    func otherPath() throws {
        let desk = try started()
        try awaitReplicas(desk)
        try desk.controller.shift(split: "s", weights: [("b", 7)])
        var next = configuration()
        next.statePath = path + ".2"
        try desk.controller.reload(next)
        let text = try TextFile.read(path + ".2")
        #expect(try SavedState(reading: Array(text.utf8)).splits[0].weights[1].weight == 7)
        next.statePath = nil
        try desk.controller.reload(next)
        try desk.controller.shift(split: "s", weights: [("b", 8)])
        #expect(try TextFile.read(path + ".2") == text)
    }
}
