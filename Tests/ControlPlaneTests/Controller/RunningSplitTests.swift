import Balancing
import Testing

@testable import ControlPlane

@Suite("The weights of a split")
struct RunningSplitTests {
    private func split(_ weights: [(String, Int)] = [("stable", 95), ("canary", 5)]) -> RunningSplit
    {
        RunningSplit(
            row: 0,
            configuration: SplitConfiguration(
                name: "api", weights: weights.map { (pool: $0.0, weight: $0.1) }))
    }

    @Test("A shift changes the pools named and no others, and starts a new cycle")
    func shift() throws {
        var split = split()
        let ticket = split.ticket
        try split.shift([("canary", 20)])
        #expect(split.weightsText == "stable=95 canary=20")
        #expect(split.ticket !== ticket)
    }

    @Test("A shift to the same weights does not disturb the cycle")
    func sameWeights() throws {
        var split = split()
        let ticket = split.ticket
        try split.shift([("canary", 5)])
        #expect(split.ticket === ticket)
    }

    @Test(
        "A wrong shift says what is wrong and changes nothing",
        arguments: [
            ([("blue", 1)], "split api has no pool \"blue\"; it has stable, canary"),
            ([("canary", -1)], "split api: the weight of canary is -1; it may be 0 to 10000"),
            (
                [("canary", 10_001)],
                "split api: the weight of canary is 10001; it may be 0 to 10000"
            ),
            (
                [("canary", 0), ("stable", 0)],
                "split api: all weights would be 0; one must be more"
            ),
            ([("canary", 1), ("canary", 2)], "split api: pool canary is named twice"),
            ([], "split api: no weight was given"),
        ] as [([(String, Int)], String)])
    func refused(changes: [(String, Int)], message: String) {
        var split = split()
        let error = #expect(throws: ControlError.self) {
            try split.shift(changes.map { (pool: $0.0, weight: $0.1) })
        }
        #expect(error?.problems.contains(message) == true)
        #expect(split.weightsText == "stable=95 canary=5")
    }

    /// Who has each slot, by name.
    private func owners(_ split: RunningSplit) -> [String?] {
        split.slots.flatMap { Array(repeating: $0.pool, count: $0.count) }
    }

    @Test("A shift from 5 to 20 takes no slot from the canary, and back gives the same ones back")
    func slots() throws {
        var split = split()
        let before = owners(split)
        try split.shift([("canary", 20)])
        let during = owners(split)
        #expect(zip(before, during).allSatisfy { $0 != "canary" || $1 == "canary" })
        #expect(during.count { $0 == "canary" } == 1_739)
        try split.shift([("canary", 5)])
        #expect(owners(split) == before)
    }

    @Test("A reload that adds, drops or reorders pools moves the fewest slots")
    func slotsThroughReload() throws {
        var split = split([("a", 60), ("b", 30), ("c", 10)])
        let before = owners(split)
        split.reconfigure(
            SplitConfiguration(name: "api", weights: [("c", 10), ("a", 60), ("b", 30)]))
        #expect(owners(split) == before)
        split.reconfigure(SplitConfiguration(name: "api", weights: [("c", 40), ("a", 60)]))
        let after = owners(split)
        #expect(zip(before, after).allSatisfy { $0 == "b" || $0 == $1 })
        #expect(after.allSatisfy { $0 == "a" || $0 == "c" })
    }

    @Test("Saved slots come back as far as the weights of now let them")
    func restored() throws {
        var split = split([("a", 60), ("b", 30), ("c", 10)])
        try split.shift([("b", 5)])
        try split.shift([("c", 50)])
        let fresh = RunningSplit(row: 1, configuration: split.configuration)
        var again = fresh
        try again.shift(split.weights)
        again.restore(slots: split.slots)
        #expect(owners(again) == owners(split))
        // Of 6,000 and 4,000 slots the first pool had 5,217 before, the second 4,348.
        var changed = self.split([("a", 60), ("c", 40)])
        changed.restore(slots: split.slots)
        let kept = zip(owners(split), owners(changed)).count { $0 == $1 }
        #expect(kept == 5_217 + 4_000)
    }

    @Test("New weights go on with the newcomers where the old ones stopped")
    func turns() throws {
        var split = split()
        for _ in 0..<7 { _ = split.ticket.take() }
        try split.shift([("canary", 6)])
        for _ in 0..<5 { _ = split.ticket.take() }
        try split.shift([("canary", 7)])
        #expect(split.turnsBefore == 12)
    }

    @Test("Shifted weights survive a reload, unless the file's own weights changed")
    func reload() throws {
        var split = split()
        try split.shift([("canary", 50)])
        let ticket = split.ticket
        split.reconfigure(split.configuration)
        #expect(split.weightsText == "stable=95 canary=50")
        #expect(split.ticket === ticket)
        split.reconfigure(
            SplitConfiguration(name: "api", weights: [("stable", 80), ("canary", 20)]))
        #expect(split.weightsText == "stable=80 canary=20")
        #expect(split.ticket !== ticket)
    }
}
