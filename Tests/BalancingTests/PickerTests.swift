@testable import Balancing
import Testing

@Suite("Picking a replica")
struct PickerTests {
    @Test("Round robin goes exactly in turn", arguments: [1, 2, 3, 7, 100, 1000])
    func roundRobin(replicas: Int) {
        var bed = PickerBed(makePool((0..<replicas).map { makeReplica($0) }), seed: 9)
        let rows = bed.rows(3 * replicas)
        for start in 0...(2 * replicas) {
            let window = Set(rows[start..<start + replicas])
            if window.count != replicas {
                Issue.record("somebody was picked twice within a round from pick \(start)")
                return
            }
        }
    }

    @Test("Counts over 30,000 picks from three replicas differ by at most one")
    func thirtyThousand() {
        var bed = PickerBed(makePool((0..<3).map { makeReplica($0) }))
        let seen = counts(bed.rows(30_001))
        #expect(seen.values.max()! - seen.values.min()! <= 1)
    }

    @Test("Workers with different seeds begin at different replicas")
    func firstTurn() {
        let pool = makePool((0..<10).map { makeReplica($0) })
        let firsts = (0..<20 as Range<UInt64>).map { seed in
            var bed = PickerBed(pool, seed: seed)
            return bed.pick()!.row
        }
        #expect(Set(firsts).count > 4)
    }

    /// All vectors of so many weights from one to `maximum`.
    private func vectors(_ count: Int, _ maximum: Int) -> [[Int]] {
        (0..<count).reduce([[]]) { all, _ in all.flatMap { v in (1...maximum).map { v + [$0] } } }
    }

    @Test("Weighted turns are exact over every window of the sum of weights")
    func weightedTurns() {
        for weights in vectors(2, 9) + vectors(3, 5) + vectors(4, 3) {
            let sum = weights.reduce(0, +)
            var bed = PickerBed(
                makePool(weights.enumerated().map { makeReplica($0, weight: $1) }), seed: 4)
            let rows = bed.rows(3 * sum)
            for start in 0...(2 * sum) {
                let window = counts(rows[start..<start + sum])
                let isExact = weights.indices.allSatisfy { window[$0, default: 0] == weights[$0] }
                if !isExact {
                    Issue.record("\(weights): \(window) from pick \(start)")
                    return
                }
            }
        }
    }

    @Test("Only ready replicas are picked; those of last resort only when none is ready")
    func availability() {
        for policy in BalancePolicy.allCases {
            var bed = PickerBed(makePool([], policy))
            #expect(!bed.picker.hasAny && !bed.picker.hasReady)
            #expect(bed.pick() == nil)
            bed.adopt([
                makeReplica(0, .closed), makeReplica(1, .lost), makeReplica(2, .lastResort),
                makeReplica(3, .lastResort),
            ])
            #expect(bed.picker.hasAny && !bed.picker.hasReady)
            #expect(Set(bed.rows(100)) == [2, 3])
            bed.adopt([makeReplica(1, .lost), makeReplica(2, .lastResort), makeReplica(4)])
            #expect(bed.picker.hasAny && bed.picker.hasReady)
            #expect(Set(bed.rows(100)) == [4])
            bed.adopt([makeReplica(1, .lost), makeReplica(4, .closed)])
            #expect(bed.pick() == nil)
        }
    }

    @Test("What was tried is avoided while there is another, and used again when there is none")
    func tried() {
        for policy in BalancePolicy.allCases {
            for weight in [1, 5] {
                var bed = PickerBed(
                    makePool(
                        [makeReplica(0, weight: weight), makeReplica(1), makeReplica(2)], policy))
                for _ in 0..<200 {
                    #expect(bed.pick(tried: [0])?.row != 0)
                    #expect(bed.pick(tried: [2, 0])?.row == 1)
                    #expect(bed.pick(tried: [0, 1, 2]) != nil)
                }
            }
        }
    }

    @Test("Nobody loses its turn when requests pass it over")
    func triedKeepsTurns() {
        var random = Seeded(3)
        var bed = PickerBed(makePool((0..<5).map { makeReplica($0) }))
        var seen: [Int: Int] = [:]
        for step in 0..<20_000 {
            let tried = step % 3 == 0 ? (0..<5).shuffled(using: &random).prefix(step % 4) : []
            seen[bed.pick(tried: Array(tried))!.row, default: 0] += 1
            #expect(seen.count < 5 || seen.values.max()! - seen.values.min()! <= 2)
        }
        for row in bed.rows(5) { seen[row, default: 0] += 1 }
        #expect(seen.values.max()! - seen.values.min()! <= 2)
    }

    @Test("Weighted turns that were passed over are made up for")
    func triedKeepsWeightedTurns() {
        let weights = [5, 3, 1, 1]
        var random = Seeded(8)
        var bed = PickerBed(makePool(weights.enumerated().map { makeReplica($0, weight: $1) }))
        var seen: [Int: Int] = [:]
        let picks = 20_000
        for step in 0..<picks {
            let tried = step % 5 == 0 ? [Int.random(in: 0..<4, using: &random)] : []
            seen[bed.pick(tried: tried)!.row, default: 0] += 1
        }
        for (row, weight) in weights.enumerated() {
            let due = Double(picks * weight) / 10
            #expect(abs(Double(seen[row]!) - due) <= 4)
        }
    }

    @Test("More tried replicas than the table holds forget the oldest")
    func triedTable() {
        var tried = TriedReplicas()
        #expect(tried.count == 0 && !tried.contains(-1) && !tried.contains(0))
        for row in 0..<8 { tried.insert(row) }
        tried.insert(3)
        #expect(tried.count == 8 && tried.contains(0))
        tried.insert(8)
        #expect(tried.count == 8 && !tried.contains(0) && tried.contains(8) && tried.contains(1))
    }
}
