import Testing

@testable import Balancing

@Suite("The slots of a split")
struct StickyTableTests {
    private func counts(_ table: StickyTable, _ entries: Int) -> [Int] {
        var counts = Array(repeating: 0, count: entries)
        for owner in table.owners { counts[Int(owner)] += 1 }
        return counts
    }

    /// Who lost each slot that moved, and who got it.
    private func moves(_ before: StickyTable, _ after: StickyTable) -> [(from: Int, to: Int)] {
        let (before, after) = (before.owners, after.owners)
        var moves: [(from: Int, to: Int)] = []
        for slot in 0..<before.count where before[slot] != after[slot] {
            moves.append((Int(before[slot]), Int(after[slot])))
        }
        return moves
    }

    private func randomWeights(_ entries: Int, _ random: inout RandomSource) -> [Int] {
        let maximum = [3, 100, 10_000][random.next(below: 3)]
        var weights = (0..<entries).map { _ in
            random.next(below: 4) == 0 ? 0 : random.next(below: maximum + 1)
        }
        if weights.allSatisfy({ $0 == 0 }) { weights[random.next(below: entries)] = 1 }
        return weights
    }

    /// Less than one slot from its share, and nothing without a weight.
    private func isExact(_ counts: [Int], _ weights: [Int]) -> Bool {
        let sum = weights.reduce(0, +)
        return counts.reduce(0, +) == StickyTable.slots
            && zip(counts, weights).allSatisfy { count, weight in
                weight == 0
                    ? count == 0 : abs(count * sum - weight * StickyTable.slots) < sum
            }
    }

    @Test("Shares are exact to one slot, and a pool without a weight has none", arguments: 1...8)
    func exact(entries: Int) {
        var random = RandomSource(seed: UInt64(entries))
        for _ in 0..<300 {
            let weights = randomWeights(entries, &random)
            let shares = StickyTable.shares(weights)
            #expect(isExact(shares, weights), "\(weights): \(shares)")
        }
        #expect(StickyTable.shares([95, 5]) == [9_500, 500])
        #expect(StickyTable.shares([1, 1, 1]) == [3_334, 3_333, 3_333])
    }

    @Test(
        "Whatever weights change, raising one takes no slot from it and lowering gives it none",
        arguments: [2, 3, 5, 9])
    func monotone(entries: Int) {
        var random = RandomSource(seed: UInt64(100 + entries))
        var weights = randomWeights(entries, &random)
        var table = StickyTable(weights: weights)
        for step in 0..<300 {
            let entry = random.next(below: entries)
            let before = (weight: weights[entry], table: table)
            weights[entry] = random.next(below: 4) == 0 ? 0 : random.next(below: 10_001)
            if weights.allSatisfy({ $0 == 0 }) { weights[entry] = 1 }
            table.move(to: weights)
            let moves = moves(before.table, table)
            if weights[entry] >= before.weight {
                #expect(!moves.contains { $0.from == entry }, "step \(step)")
            }
            if weights[entry] <= before.weight {
                #expect(!moves.contains { $0.to == entry }, "step \(step)")
            }
            #expect(isExact(counts(table, entries), weights), "step \(step): \(weights)")
        }
    }

    @Test("Any change of weights moves the fewest slots", arguments: [2, 4, 7])
    func fewest(entries: Int) {
        var random = RandomSource(seed: UInt64(200 + entries))
        var table = StickyTable(weights: randomWeights(entries, &random))
        for _ in 0..<200 {
            let before = table
            table.move(to: randomWeights(entries, &random))
            let gained = zip(counts(table, entries), counts(before, entries)).reduce(0) {
                $0 + max(0, $1.0 - $1.1)
            }
            #expect(moves(before, table).count == gained)
        }
    }

    @Test("With two pools the table depends on the weights alone, not on what they were")
    func noHistory() {
        var random = RandomSource(seed: 3)
        var table = StickyTable(weights: [1, 0])
        for _ in 0..<200 {
            let weights = randomWeights(2, &random)
            table.move(to: weights)
            #expect(table == StickyTable(weights: weights))
        }
    }

    @Test("The runs of a table make the same table, and broken ones make a whole one")
    func runs() {
        var random = RandomSource(seed: 4)
        var table = StickyTable(weights: [5, 3, 2])
        for _ in 0..<100 {
            let weights = randomWeights(3, &random)
            table.move(to: weights)
            var restored = StickyTable(runs: table.runs)
            #expect(restored == table)
            restored.move(to: weights)
            #expect(restored == table)
        }
        let broken: [[StickyTable.Run]] = [
            [], [.init(entry: 1, count: -5)], [.init(entry: 200, count: 10)],
            [.init(entry: -1, count: 3), .init(entry: 0, count: .max)],
            [.init(entry: nil, count: 9_999), .init(entry: 7, count: 2)],
        ]
        for runs in broken {
            var table = StickyTable(runs: runs)
            table.move(to: [3, 1])
            #expect(counts(table, 2) == [7_500, 2_500])
        }
    }

    @Test("Pools that stay keep their slots when others come, go, or change places")
    func renumber() {
        var table = StickyTable(weights: [50, 30, 20])
        let last = table.slots(of: 2)
        table.renumber { [0: 1, 2: 0][$0] }
        #expect(table.slots(of: 0) == last)
        table.move(to: [20, 50, 30])
        #expect(table.slots(of: 0) == last)
        #expect(counts(table, 3) == [2_000, 5_000, 3_000])
    }

    @Test("Hashes are spread over all slots")
    func hashes() {
        #expect(StickyTable.slot(ofHash: 0) == 0)
        #expect(StickyTable.slot(ofHash: .max) == StickyTable.slots - 1)
        var seen = Set<Int>()
        for number in 0..<70_000 as Range<UInt64> {
            seen.insert(StickyTable.slot(ofHash: SipHash.hash(number, 0, key: .none)))
        }
        #expect(seen.count > 9_980)
    }
}
