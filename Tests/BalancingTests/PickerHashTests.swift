@testable import Balancing
import Testing

@Suite("Picking by a hash")
struct PickerHashTests {
    private func pool(_ rows: some Sequence<Int>, weight: (Int) -> Int = { _ in 1 }) -> Pool {
        makePool(rows.map { makeReplica($0, weight: weight($0)) }, .consistentHash)
    }

    /// The row that each of so many keys belongs to.
    private func owners(_ bed: inout PickerBed, keys: Int) -> [Int] {
        (0..<keys).map { bed.pick(hash: key($0))?.row ?? -1 }
    }

    private func key(_ number: Int) -> UInt64 { UInt64(number) &* 0xd134_2543_de82_ef95 }

    @Test("A key always goes to the same replica, on every worker")
    func same() {
        var one = PickerBed(pool(0..<5), seed: 1)
        var other = PickerBed(pool((0..<5).reversed()), seed: 99)
        let first = owners(&one, keys: 1_000)
        #expect(first == owners(&one, keys: 1_000))
        #expect(first == owners(&other, keys: 1_000))
    }

    @Test("Keys spread over all replicas by their weights, a quarter more or less")
    func spread() {
        for weights in [[1, 1, 1], [1, 2, 4], [100, 100, 50, 10]] {
            var bed = PickerBed(pool(weights.indices) { weights[$0] })
            let seen = counts(owners(&bed, keys: 50_000))
            let sum = weights.reduce(0, +)
            for (row, weight) in weights.enumerated() {
                let due = Double(50_000 * weight) / Double(sum)
                #expect(abs(Double(seen[row, default: 0]) - due) < due / 4, "\(weights): \(seen)")
            }
        }
    }

    @Test("Whoever leaves takes only its own keys along, and whoever comes takes about its share")
    func fewMove() {
        for size in [3, 10, 50] {
            var bed = PickerBed(pool(0..<size))
            let before = owners(&bed, keys: 20_000)
            bed.adopt(pool((0..<size).filter { $0 != 1 }).replicas)
            let without = owners(&bed, keys: 20_000)
            for (old, new) in zip(before, without) where old != 1 { #expect(old == new) }
            bed.adopt(pool((0..<size).shuffled()).replicas)
            #expect(owners(&bed, keys: 20_000) == before)
            bed.adopt(pool(0...size).replicas)
            let with = owners(&bed, keys: 20_000)
            let moved = zip(before, with).count { $0 != $1 }
            for (old, new) in zip(before, with) where old != new { #expect(new == size) }
            #expect(moved < 20_000 * 14 / 10 / (size + 1) && moved > 0)
        }
    }

    @Test("A container made anew under its name at another address and row keeps its keys")
    func recreated() {
        var bed = PickerBed(pool(0..<4))
        let before = owners(&bed, keys: 5_000)
        var replicas = pool(0..<4).replicas
        replicas[2].row = 77
        replicas[2].addressLow = 1234
        bed.adopt(replicas)
        #expect(owners(&bed, keys: 5_000) == before.map { $0 == 2 ? 77 : $0 })
    }

    @Test("A change of one weight moves keys from or to that replica only")
    func weightChange() {
        var bed = PickerBed(pool(0..<5) { _ in 2 })
        let before = owners(&bed, keys: 10_000)
        bed.adopt(pool(0..<5) { $0 == 3 ? 3 : 2 }.replicas)
        for (old, new) in zip(before, owners(&bed, keys: 10_000)) where old != new {
            #expect(new == 3)
        }
    }

    @Test("No replica gets more than its share of what is in flight and a quarter, whatever is hot")
    func bounded() {
        var bed = PickerBed(pool(0..<8))
        for _ in 0..<4_000 {
            let row = bed.pick(hash: 42)!.row
            bed.board.begin(replicaRow: row, worker: 0)
        }
        for row in 0..<8 { #expect(bed.board.inFlight(replicaRow: row) <= 4_000 / 8 * 126 / 100) }
        // Its own replica is full to the brim, and takes the next one that fits.
        let home = bed.pick(hash: 42)!.row
        #expect(bed.board.inFlight(replicaRow: home) <= 4_000 / 8 * 125 / 100)
    }

    @Test("A hot key stays where it is while little is in flight, and comes back after a rush")
    func staysHome() {
        var bed = PickerBed(pool(0..<3))
        let home = bed.pick(hash: 7)!.row
        for _ in 0..<4 {
            #expect(bed.pick(hash: 7)?.row == home)
            bed.board.begin(replicaRow: home, worker: 1)
        }
        #expect(bed.pick(hash: 7)?.row != home)
        for _ in 0..<4 { bed.board.end(replicaRow: home, worker: 1) }
        #expect(bed.pick(hash: 7)?.row == home)
    }

    @Test("A retry goes to the next replica on the ring, the same for all")
    func retry() {
        var bed = PickerBed(pool(0..<4))
        for number in 0..<200 {
            let home = bed.pick(hash: key(number))!.row
            let next = bed.pick(tried: [home], hash: key(number))!.row
            #expect(next != home)
            #expect(bed.pick(tried: [home], hash: key(number))?.row == next)
            bed.adopt(pool((0..<4).filter { $0 != home }).replicas)
            #expect(bed.pick(hash: key(number))?.row == next)
            bed.adopt(pool(0..<4).replicas)
        }
    }

    @Test("Requests without a key go in turn")
    func noKey() {
        var bed = PickerBed(pool(0..<4))
        #expect(counts(bed.rows(400)) == [0: 100, 1: 100, 2: 100, 3: 100])
    }

    @Test("A thousand replicas have no more points than the most, and none has none")
    func many() {
        var ring = HashRing()
        ring.adopt((0..<1_000).map { HashRing.Member(seed: UInt64($0), weight: 1_000) })
        #expect(ring.count <= HashRing.pointsMaximum * 8)
        #expect(Set((0..<ring.count).map(ring.member)).count == 1_000)
    }
}
