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
