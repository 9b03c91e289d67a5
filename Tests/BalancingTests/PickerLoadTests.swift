@testable import Balancing
import Testing

@Suite("Picking by load")
struct PickerLoadTests {
    @Test("Least connections always picks the least loaded for its weight")
    func leastLoaded() {
        var random = Seeded(11)
        for _ in 0..<300 {
            let weights = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int.random(in: 1...4, using: &random)
            }
            var bed = PickerBed(
                makePool(
                    weights.enumerated().map { makeReplica($0, weight: $1) }, .leastConnections))
            for _ in 0..<40 {
                let row = bed.pick()!.row
                func load(_ row: Int) -> Double {
                    Double(bed.board.inFlight(replicaRow: row) + 1) / Double(weights[row])
                }
                #expect(weights.indices.allSatisfy { load(row) <= load($0) })
                bed.board.begin(replicaRow: row, worker: Int.random(in: 0...1, using: &random))
            }
        }
    }

    @Test("Least connections counts what all workers have in flight")
    func otherWorkers() {
        var bed = PickerBed(makePool([makeReplica(0), makeReplica(1)], .leastConnections))
        for _ in 0..<5 { bed.board.begin(replicaRow: 0, worker: 1) }
        #expect(Set(bed.rows(10)) == [1])
        for _ in 0..<5 { bed.board.end(replicaRow: 0, worker: 1) }
        bed.board.begin(replicaRow: 1, worker: 0)
        #expect(Set(bed.rows(10)) == [0])
    }

    @Test("Least connections goes in turn among equals")
    func turnsAmongEquals() {
        var bed = PickerBed(makePool((0..<7).map { makeReplica($0) }, .leastConnections))
        let seen = counts(bed.rows(701))
        #expect(seen.count == 7 && seen.values.max()! - seen.values.min()! <= 1)
    }

    @Test(
        "A slow replica gets a small part of the requests by least connections, and by two choices")
    func slowReplica() {
        for policy in [BalancePolicy.leastConnections, .powerOfTwo] {
            var bed = PickerBed(makePool((0..<4).map { makeReplica($0) }, policy), seed: 5)
            var ends: [Int: [Int]] = [:]
            var seen: [Int: Int] = [:]
            for step in 0..<4000 {
                for row in ends.removeValue(forKey: step) ?? [] {
                    bed.board.end(replicaRow: row, worker: 0)
                }
                let row = bed.pick()!.row
                bed.board.begin(replicaRow: row, worker: 0)
                ends[step + (row == 0 ? 200 : 5), default: []].append(row)
                seen[row, default: 0] += 1
            }
            #expect(seen[0]! < 150, "\(policy) gave the slow one \(seen[0]!) of 4000")
        }
    }

    @Test("Two choices keep the highest load near the mean where one random choice would not")
    func powerOfTwoBound() {
        var bed = PickerBed(makePool((0..<1000).map { makeReplica($0) }, .powerOfTwo), seed: 77)
        for row in bed.rows(1000) { _ = row }
        var highest = 0
        for _ in 0..<10_000 {
            let row = bed.pick()!.row
            bed.board.begin(replicaRow: row, worker: 0)
            highest = max(highest, bed.board.inFlight(replicaRow: row))
        }
        // One choice would give about 22 at the most; two give the mean of 10 and ln ln n / ln 2.
        #expect(highest <= 14)
    }

    @Test("Two choices never take the more loaded of a pair")
    func powerOfTwoPair() {
        var bed = PickerBed(makePool([makeReplica(0), makeReplica(1)], .powerOfTwo))
        bed.board.begin(replicaRow: 0, worker: 0)
        #expect(Set(bed.rows(500)) == [1])
    }

    @Test("Two choices follow the weights in an idle pool")
    func powerOfTwoWeights() {
        let weights = [10, 1, 1, 4, 4]
        var bed = PickerBed(
            makePool(weights.enumerated().map { makeReplica($0, weight: $1) }, .powerOfTwo))
        let seen = counts(bed.rows(40_000))
        for (row, weight) in weights.enumerated() {
            #expect(abs(seen[row]! - weight * 2000) < 600)
        }
    }

    @Test("The second draw is never the first one again")
    func distinctDraws() {
        for weights in [[1, 1], [1, 1000], [3, 1, 2]] {
            var bed = PickerBed(
                makePool(weights.enumerated().map { makeReplica($0, weight: $1) }, .powerOfTwo))
            // All but one are far more loaded, so whoever draws it second must switch to it.
            let last = weights.count - 1
            for row in 0..<last {
                for _ in 0..<2000 { bed.board.begin(replicaRow: row, worker: 0) }
            }
            guard weights.count == 2 else { continue }
            #expect(Set(bed.rows(200)) == [last])
        }
    }

    @Test("An end without a begin on one worker does not touch the cells of another")
    func boardCells() {
        let board = LoadBoard(workers: 3, replicaRowsMaximum: 5)
        for worker in 0..<3 {
            for row in 0..<5 {
                for _ in 0...(worker + row) { board.begin(replicaRow: row, worker: worker) }
            }
        }
        for row in 0..<5 { #expect(board.inFlight(replicaRow: row) == 6 + 3 * row) }
        for worker in 0..<3 { for row in 0..<5 { board.end(replicaRow: row, worker: worker) } }
        for row in 0..<5 { #expect(board.inFlight(replicaRow: row) == 3 + 3 * row) }
    }
}
