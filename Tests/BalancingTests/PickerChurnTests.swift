@testable import Balancing
import Testing

@Suite("Picking while replicas come and go")
struct PickerChurnTests {
    @Test("The same membership adopted again changes no turn")
    func sameAgain() {
        for weights in [[1, 1, 1], [3, 2, 1]] {
            let replicas = weights.enumerated().map { makeReplica($0, weight: $1) }
            var still = PickerBed(makePool(replicas), seed: 2)
            var often = PickerBed(makePool(replicas), seed: 2)
            for step in 0..<60 {
                often.adopt(step % 2 == 0 ? replicas : replicas.reversed())
                #expect(still.pick()!.row == often.pick()!.row)
            }
        }
    }

    @Test("A newcomer comes last in the round, and nobody is skipped or served twice")
    func newcomer() {
        var bed = PickerBed(makePool((0..<4).map { makeReplica($0) }))
        let before = bed.rows(6)
        bed.adopt((0..<5).map { makeReplica($0) })
        let after = bed.rows(3)
        #expect(Set(before[4...] + after[..<2]) == [0, 1, 2, 3])
        #expect(after[2] == 4)
    }

    @Test("One that leaves takes nobody's turn along")
    func leaver() {
        for leaver in 0..<4 {
            for picks in 0..<4 {
                var bed = PickerBed(makePool((0..<4).map { makeReplica($0) }))
                let before = bed.rows(4 + picks).dropFirst(4)
                bed.adopt((0..<4).filter { $0 != leaver }.map { makeReplica($0) })
                let rest = Set(0..<4).subtracting(before).subtracting([leaver])
                #expect(Set(bed.rows(rest.count)) == rest)
            }
        }
    }

    @Test(
        "In storms of changes no two differ by more than one turn per change that came between",
        arguments: 0..<40 as Range<UInt64>)
    func storm(seed: UInt64) {
        var random = Seeded(seed)
        var present = Set(0..<6)
        var bed = PickerBed(makePool(present.sorted().map { makeReplica($0) }), seed: seed)
        var seen = counts(present)
        var changes = 0
        for _ in 0..<400 {
            for _ in 0..<Int.random(in: 0...9, using: &random) {
                guard let row = bed.pick()?.row else { continue }
                #expect(present.contains(row))
                seen[row, default: 0] += 1
            }
            let row = Int.random(in: 0..<12, using: &random)
            if present.remove(row) == nil {
                present.insert(row)
                // Counting begins with the others: a newcomer is owed nothing from before.
                seen[row] = present.compactMap { seen[$0] }.max() ?? 0
            }
            changes += 1
            bed.adopt(present.shuffled(using: &random).map { makeReplica($0) })
            let present = present.map { seen[$0, default: 0] }
            #expect((present.max() ?? 0) - (present.min() ?? 0) <= 1 + changes)
        }
    }

    @Test(
        "Two that stay through a storm of others stay within two turns of each other",
        arguments: 0..<40 as Range<UInt64>)
    func residents(seed: UInt64) {
        var random = Seeded(seed)
        var bed = PickerBed(makePool((0..<3).map { makeReplica($0) }), seed: seed)
        var seen: [Int: Int] = [:]
        for _ in 0..<500 {
            for row in bed.rows(Int.random(in: 0...5, using: &random)) {
                seen[row, default: 0] += 1
            }
            let others = (3..<12).shuffled(using: &random).prefix(
                Int.random(in: 0...6, using: &random))
            bed.adopt(([0, 1, 2] + others).shuffled(using: &random).map { makeReplica($0) })
            let residents = (0..<3).map { seen[$0, default: 0] }
            #expect(residents.max()! - residents.min()! <= 1)
        }
    }

    @Test(
        "Through any storm weighted turns stay within two of the exact share",
        arguments: 0..<40 as Range<UInt64>)
    func weightedStorm(seed: UInt64) {
        var random = Seeded(seed)
        var bed = PickerBed(makePool([makeReplica(0, weight: 2), makeReplica(1)]), seed: seed)
        for _ in 0..<50 {
            let replicas = (0..<9).shuffled(using: &random)
                .prefix(Int.random(in: 1...6, using: &random))
                .map {
                    makeReplica($0, weight: [1, 2, 3, 10, 1000].randomElement(using: &random)!)
                }
            bed.adopt(replicas)
            let sum = replicas.reduce(0) { $0 + $1.weight }
            let picks = Int.random(in: 0...200, using: &random)
            let seen = counts(bed.rows(picks))
            for replica in replicas {
                let due = Double(picks * replica.weight) / Double(sum)
                let difference = abs(Double(seen[replica.row, default: 0]) - due)
                #expect(difference <= 2, "\(replica.weight) of \(sum) after \(picks)")
            }
        }
    }

    @Test(
        "After a storm weighted turns are exact over every window again",
        arguments: 0..<40 as Range<UInt64>)
    func weightedWindows(seed: UInt64) {
        var random = Seeded(seed)
        var bed = PickerBed(makePool([makeReplica(0)]), seed: seed)
        for _ in 0..<30 {
            let replicas = (0..<9).shuffled(using: &random)
                .prefix(Int.random(in: 1...6, using: &random))
                .map { makeReplica($0, weight: Int.random(in: 1...9, using: &random)) }
            bed.adopt(replicas)
            let sum = replicas.reduce(0) { $0 + $1.weight }
            let rows = bed.rows(2 * sum)
            for start in 0...sum {
                let window = counts(rows[start..<start + sum])
                #expect(replicas.allSatisfy { window[$0.row] == $0.weight })
            }
        }
    }

    @Test("A heavy one that leaves does not leave a debt or a lead to the others")
    func heavyLeaver() {
        for picks in 0..<50 {
            var bed = PickerBed(
                makePool([makeReplica(0, weight: 1000), makeReplica(1), makeReplica(2)]))
            _ = bed.rows(picks * 37)
            bed.adopt([makeReplica(1, weight: 2), makeReplica(2, weight: 3), makeReplica(3)])
            let seen = counts(bed.rows(60))
            #expect(abs(seen[1]! - 20) <= 2 && abs(seen[2]! - 30) <= 2 && abs(seen[3]! - 10) <= 2)
        }
    }

    @Test("However many come and leave after their turn, the one that stays gets no lead by it")
    func servedLeavers() {
        let resident = makeReplica(0, weight: 2)
        var bed = PickerBed(makePool([resident]))
        for deploy in 1...30 {
            let fresh = (1...9).map { makeReplica(deploy * 10 + $0) }
            bed.adopt([resident] + fresh)
            var waiting = Set(fresh.map(\.row))
            var residentTurns = 0
            while !waiting.isEmpty, let row = bed.pick()?.row {
                if row == 0 { residentTurns += 1 } else { waiting.remove(row) }
            }
            #expect(residentTurns <= 2)
        }
    }

    @Test("A changed policy goes on with the same replicas")
    func policies() {
        var random = Seeded(1)
        var bed = PickerBed(makePool((0..<5).map { makeReplica($0) }))
        for step in 0..<300 {
            bed.pool.policy = BalancePolicy.allCases[step % 3]
            let isWeighted = step % 7 < 3
            bed.adopt((0..<5).map { makeReplica($0, weight: isWeighted ? $0 + 1 : 1) })
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let tried = Int.random(in: 0..<5, using: &random)
                #expect(bed.pick(tried: [tried])!.row != tried)
            }
        }
    }
}
