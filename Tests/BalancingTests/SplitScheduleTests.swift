@testable import Balancing
import Testing

@Suite("Splits")
struct SplitScheduleTests {
    private func schedule(_ weights: [Int]) -> SplitSchedule {
        SplitSchedule(weights.enumerated().map { .init(pool: 100 + $0, weight: $1) })
    }

    /// All vectors of so many weights from zero to `maximum`.
    private func vectors(_ count: Int, _ maximum: Int) -> [[Int]] {
        (0..<count).reduce([[]]) { all, _ in all.flatMap { v in (0...maximum).map { v + [$0] } } }
    }

    @Test("Small weights are exact over every window of one cycle, wherever it begins")
    func exactOverEveryWindow() {
        for weights in vectors(1, 9) + vectors(2, 9) + vectors(3, 6) + vectors(4, 4) {
            let sum = weights.reduce(0, +)
            let schedule = schedule(weights)
            guard sum > 0 else {
                #expect(schedule.pool(at: 5) == nil && schedule.cycle == 0)
                continue
            }
            #expect(sum % schedule.cycle == 0)
            let turns = (0..<UInt64(2 * sum)).map { schedule.pool(at: $0)! - 100 }
            var window = counts(turns.prefix(sum))
            for start in 0...sum {
                let isExact = weights.indices.allSatisfy { window[$0, default: 0] == weights[$0] }
                #expect(isExact, "\(weights) from \(start)")
                guard start < sum else { break }
                window[turns[start], default: 0] -= 1
                window[turns[start + sum], default: 0] += 1
            }
        }
    }

    @Test("95 to 5 is exact per 20 tickets")
    func percent() {
        let schedule = schedule([95, 5])
        #expect(schedule.cycle == 20)
        for start in 0..<100 as Range<UInt64> {
            let window = counts((start..<start + 20).map { schedule.pool(at: $0)! })
            #expect(window == [100: 19, 101: 1])
        }
    }

    @Test("Turns are spread: no share is ever a whole turn away from its due")
    func spread() {
        for weights in [[95, 5], [50, 30, 20], [1, 1, 1, 7], [9, 8, 7, 6, 5]] {
            let schedule = schedule(weights)
            let sum = weights.reduce(0, +)
            var seen = weights.map { _ in 0 }
            for ticket in 0..<sum {
                seen[schedule.pool(at: UInt64(ticket))! - 100] += 1
                for index in weights.indices {
                    #expect(
                        isWithinOne(seen[index], share: weights[index], of: sum, picks: ticket + 1))
                }
            }
        }
    }

    @Test("Raising one weight never takes turns from it, and never gives any to another")
    func raising() {
        for other in [1, 3, 20, 95] {
            var last = 0.0
            for weight in 0...60 {
                let schedule = schedule([other, weight])
                let cycle = UInt64(schedule.cycle)
                let own = (0..<cycle).count { schedule.pool(at: $0) == 101 }
                let share = Double(own) / Double(cycle)
                #expect(share >= last)
                last = share
            }
        }
    }

    @Test("The largest ticket and the wrap of the counter are tickets like any other")
    func largestTicket() {
        let schedule = schedule([1, 2])
        #expect(schedule.pool(at: .max) != nil)
        #expect(schedule.pool(at: .max, available: 1) == 100)
    }

    @Test("Very fine shares are rounded to a limited cycle, but nobody loses its share")
    func limitedCycle() {
        let weightSets = [
            [999_983, 1], [1_000_000, 999_999, 1], Array(1...64).map { $0 * 15_013 + 1 },
        ]
        for weights in weightSets {
            let schedule = schedule(weights)
            let sum = Double(weights.reduce(0, +))
            #expect(schedule.cycle <= SplitSchedule.cycleMaximum && schedule.cycle > 0)
            let seen = counts((0..<UInt64(schedule.cycle)).map { schedule.pool(at: $0)! - 100 })
            for (index, weight) in weights.enumerated() {
                let share = Double(seen[index, default: 0]) / Double(schedule.cycle)
                #expect(seen[index, default: 0] > 0)
                #expect(abs(share - Double(weight) / sum) < 0.001)
            }
        }
    }

    @Test("Weights out of range are taken for the nearest in it")
    func outOfRange() {
        #expect(schedule([-5, 3]).pool(at: 0) == 101)
        #expect(schedule([.max, .min]).pool(at: 0) == 100)
        #expect(schedule([]).pool(at: 0) == nil)
        #expect(schedule([0, 0]).pool(at: 0, available: 3) == nil)
    }

    @Test("A pool that has nothing yields its turn to the pool whose turn comes next")
    func yields() {
        for weights in vectors(3, 5) where weights.contains(where: { $0 > 0 }) {
            let schedule = schedule(weights)
            for mask in 0..<8 as Range<UInt64> {
                for ticket in 0..<UInt64(2 * schedule.cycle) {
                    let next = (ticket..<ticket + UInt64(schedule.cycle)).lazy
                        .map { schedule.pool(at: $0)! - 100 }
                        .first { mask & (1 << UInt64($0)) != 0 }
                    #expect(schedule.pool(at: ticket, available: mask) == next.map { $0 + 100 })
                }
            }
        }
    }

    @Test("Two threads that take tickets of one split share them out exactly")
    func sharedTicket() async {
        let ticket = SplitTicket()
        let schedule = schedule([3, 1])
        let seen = await withTaskGroup(of: [Int: Int].self) { group in
            for _ in 0..<2 {
                group.addTask { counts((0..<4000).map { _ in schedule.pool(at: ticket.take())! }) }
            }
            return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
        #expect(seen == [100: 6000, 101: 2000])
    }
}
