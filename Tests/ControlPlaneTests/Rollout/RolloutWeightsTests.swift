import Testing

@testable import ControlPlane

@Suite("RolloutWeights")
struct RolloutWeightsTests {
    private func weights(_ before: [(String, Int)], _ percent: Int) -> [Int] {
        let before = before.map { PoolWeight($0.0, $0.1) }
        return RolloutWeights.weights(before, to: "c", percent: percent).map(\.weight)
    }

    @Test("The canary has its percent, and the others keep their proportions")
    func exact() {
        #expect(weights([("a", 95), ("c", 5)], 25) == [75, 25])
        #expect(weights([("a", 1), ("c", 0)], 1) == [99, 1])
        #expect(weights([("a", 95), ("c", 5)], 100) == [0, 100])
        #expect(weights([("a", 3), ("c", 0), ("b", 1)], 10) == [135, 20, 45])
        #expect(weights([("a", 3), ("b", 0), ("c", 7)], 50) == [50, 0, 50])
    }

    @Test("Where whole weights cannot say it, the canary is exact and the others to 1/10,000")
    func rounded() {
        let found = weights([("a", 9_973), ("b", 9_967), ("c", 1)], 1)
        #expect(found.reduce(0, +) == 10_000)
        #expect(found[2] == 100)
        #expect(abs(Double(found[0]) - 9_900 * 9_973 / 19_940) < 1)
    }

    @Test("Whatever the weights, the share is exact, and a weight is one that a split takes")
    func storm() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let before = (0..<Int.random(in: 1...6, using: &random)).map {
                ("a\($0)", Int.random(in: $0 == 0 ? 1...10_000 : 0...10_000, using: &random))
            }
            let percent = Int.random(in: 1...100, using: &random)
            let found = weights(before + [("c", 17)], percent)
            #expect(
                found.last.map { $0 * 100 } == found.reduce(0, +) * percent, "\(before) \(percent)")
            #expect(found.allSatisfy { RunningSplit.weightRange ~= $0 }, "\(before) \(percent)")
        }
    }

    @Test("A pool that has all the traffic keeps it")
    func alone() {
        #expect(weights([("a", 0), ("c", 5)], 25) == [0, 5])
    }
}
