import Testing

@testable import ControlPlane

@Suite("ExactTest")
struct ExactTestTests {
    private struct Known {
        var marked: Int
        var count: Int
        var others: Int
        var otherCount: Int
        /// Of the ways to choose who is in the first sample, those with so many, in all ways.
        var ways: (Double, of: Double)
    }

    private static let known = [
        Known(marked: 3, count: 4, others: 1, otherCount: 4, ways: (17, of: 70)),
        Known(marked: 4, count: 4, others: 0, otherCount: 4, ways: (1, of: 70)),
        Known(marked: 1, count: 1, others: 0, otherCount: 1, ways: (1, of: 2)),
        Known(marked: 10, count: 10, others: 0, otherCount: 10, ways: (1, of: 184_756)),
        Known(marked: 2, count: 2, others: 0, otherCount: 98, ways: (1, of: 4_950)),
        Known(marked: 5, count: 5, others: 1, otherCount: 5, ways: (6, of: 252)),
    ]

    @Test("The chance is that of the hypergeometric distribution, as counted by hand")
    func counted() {
        for known in Self.known {
            let found = ExactTest.chance(
                marked: known.marked, of: known.count, against: known.others, of: known.otherCount)
            #expect(abs(found * known.ways.of / known.ways.0 - 1) < 1e-9, "\(known): \(found)")
        }
    }

    @Test("No more than its share is no evidence, nor is an empty sample")
    func none() {
        #expect(ExactTest.chance(marked: 5, of: 100, against: 5, of: 100) == 1)
        #expect(ExactTest.chance(marked: 0, of: 100, against: 5, of: 100) == 1)
        #expect(ExactTest.chance(marked: 5, of: 5, against: 0, of: 0) == 1)
        #expect(ExactTest.chance(marked: 0, of: 0, against: 5, of: 5) == 1)
    }

    @Test("All errors against none in huge samples are a chance of nothing, and a number")
    func huge() {
        let chance = ExactTest.chance(
            marked: 1_000_000, of: 1_000_000, against: 0, of: 1_000_000_000)
        #expect(chance >= 0 && chance < 1e-300)
    }

    @Test("Summed up term by term it is the same, for small samples of every kind")
    func everySmallOne() {
        for count in 1...6 {
            for otherCount in 1...6 {
                for marked in 0...count {
                    for others in 0...otherCount {
                        let found = ExactTest.chance(
                            marked: marked, of: count, against: others, of: otherCount)
                        let isMore = marked * otherCount > others * count
                        let wanted =
                            isMore ? Self.sum(marked, count, others, otherCount) : 1
                        #expect(abs(found - wanted) < 1e-9)
                    }
                }
            }
        }
    }

    private static func sum(_ marked: Int, _ count: Int, _ others: Int, _ otherCount: Int)
        -> Double
    {
        let all = marked + others
        return (marked...min(all, count)).reduce(0.0) { sum, value in
            sum + choose(all, value) * choose(count + otherCount - all, count - value)
                / choose(count + otherCount, count)
        }
    }

    private static func choose(_ count: Int, _ taken: Int) -> Double {
        guard taken >= 0, taken <= count else { return 0 }
        return (0..<taken).reduce(1.0) { $0 * Double(count - $1) / Double($1 + 1) }
    }
}
