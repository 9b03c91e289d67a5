@testable import Balancing
import Testing

/// Pickers that go by how attempts ended, in a world of a few clients that send one request after
/// the other.
@Suite("Picking by outcomes")
struct PickerOutcomeTests {
    /// Milliseconds that a replica takes, and whether it fails.
    struct Behaviour {
        var milliseconds: Int
        var fails = false
    }

    struct World {
        var bed: PickerBed
        var behaviours: [Behaviour]
        /// Whether the picker is told of failures.
        var tells = true
        var now = 1_000
        private var ends: [(at: Int, row: Int)] = []
        private var free: Int

        init(_ policy: BalancePolicy, _ behaviours: [Behaviour], clients: Int, seed: UInt64 = 3) {
            bed = PickerBed(
                makePool(behaviours.indices.map { makeReplica($0) }, policy), seed: seed)
            self.behaviours = behaviours
            free = clients
        }

        /// Lets so much time pass; the picks of each replica.
        mutating func run(milliseconds: Int) -> [Int: Int] {
            var seen: [Int: Int] = [:]
            let end = now + milliseconds
            while now < end {
                let over = ends.filter { $0.at <= now }
                ends.removeAll { $0.at <= now }
                for (_, row) in over { finish(row) }
                while free > 0 {
                    free -= 1
                    let nanoseconds = UInt64(now) * 1_000_000
                    let row = bed.pick(now: nanoseconds)!.row
                    seen[row, default: 0] += 1
                    bed.board.begin(replicaRow: row, worker: 0)
                    ends.append((now + max(1, behaviours[row].milliseconds), row))
                }
                now += 1
            }
            return seen
        }

        private mutating func finish(_ row: Int) {
            bed.board.end(replicaRow: row, worker: 0)
            free += 1
            guard tells || !behaviours[row].fails else { return }
            let took = UInt64(max(1, behaviours[row].milliseconds)) * 1_000_000
            bed.picker.note(
                behaviours[row].fails
                    ? .failed(nanoseconds: took)
                    : .answered(firstByteNanoseconds: took, nanoseconds: took),
                position: bed.pool.replicas.firstIndex { $0.row == row }!,
                now: UInt64(now) * 1_000_000)
        }
    }

    @Test(
        "A replica that fails at once gets no more than its fair share",
        arguments: [BalancePolicy.leastConnections, .powerOfTwo, .leastResponseTime],
        [4, 16, 64])
    func failsFast(policy: BalancePolicy, clients: Int) {
        let good = Behaviour(milliseconds: 20)
        var world = World(
            policy, [Behaviour(milliseconds: 1, fails: true), good, good], clients: clients)
        let seen = world.run(milliseconds: 10_000)
        let total = seen.values.reduce(0, +)
        #expect(seen[0, default: 0] * 3 <= total, "\(seen)")
        // Else it would look like a free one.
        world.tells = false
        let unaware = world.run(milliseconds: 10_000)
        let all = unaware.values.reduce(0, +)
        if policy == .leastConnections { #expect(unaware[0, default: 0] * 2 > all, "\(unaware)") }
    }

    @Test("A failure is forgotten soon, and the replica has its share again")
    func forgets() {
        let good = Behaviour(milliseconds: 20)
        var world = World(.leastConnections, [good, good, good], clients: 12)
        world.behaviours[1].fails = true
        _ = world.run(milliseconds: 2_000)
        world.behaviours[1].fails = false
        _ = world.run(milliseconds: 500)
        let seen = world.run(milliseconds: 5_000)
        let total = seen.values.reduce(0, +)
        for row in 0..<3 { #expect(abs(seen[row, default: 0] * 3 - total) < total / 10) }
    }

    @Test(
        "By response time a slow replica of three gets a small share, and its own again once well")
    func slow() {
        let good = Behaviour(milliseconds: 10)
        var world = World(
            .leastResponseTime, [Behaviour(milliseconds: 200), good, good], clients: 8)
        _ = world.run(milliseconds: 2_000)
        var seen = world.run(milliseconds: 20_000)
        var total = seen.values.reduce(0, +)
        #expect(seen[0, default: 0] * 50 < total, "\(seen)")
        #expect(seen[0, default: 0] > 0, "never tried again")
        world.behaviours[0].milliseconds = 10
        _ = world.run(milliseconds: 60_000)
        seen = world.run(milliseconds: 10_000)
        total = seen.values.reduce(0, +)
        #expect(seen[0, default: 0] * 4 > total, "\(seen)")
    }

    @Test("By response time equal replicas get equal shares")
    func equal() {
        let good = Behaviour(milliseconds: 10)
        var world = World(.leastResponseTime, [good, good, good, good], clients: 20)
        let seen = world.run(milliseconds: 20_000)
        let total = seen.values.reduce(0, +)
        for row in 0..<4 { #expect(abs(seen[row, default: 0] * 4 - total) < total / 5, "\(seen)") }
    }

    @Test("By response time shares follow the weights when all answer alike")
    func weights() {
        let good = Behaviour(milliseconds: 10)
        var world = World(.leastResponseTime, [good, good], clients: 30)
        world.bed.adopt([makeReplica(0, weight: 3), makeReplica(1, weight: 1)])
        let seen = world.run(milliseconds: 20_000)
        let total = seen.values.reduce(0, +)
        #expect(abs(seen[0, default: 0] * 4 - total * 3) < total / 3, "\(seen)")
    }

    @Test("A newcomer is taken for a usual one, not for the fastest or the slowest")
    func newcomer() {
        let good = Behaviour(milliseconds: 10)
        var world = World(.leastResponseTime, [good, good, good], clients: 12)
        world.bed.adopt([makeReplica(0), makeReplica(1)])
        _ = world.run(milliseconds: 2_000)
        world.bed.adopt([makeReplica(2), makeReplica(0), makeReplica(1)])
        let seen = world.run(milliseconds: 1_000)
        let total = seen.values.reduce(0, +)
        #expect(seen[2, default: 0] * 2 < total && seen[2, default: 0] * 6 > total, "\(seen)")
    }

    @Test(
        "Outcomes of replicas that left or never were are ignored, and those that stay keep theirs")
    func positions() {
        var bed = PickerBed(makePool((0..<3).map { makeReplica($0) }, .leastResponseTime))
        for row in 0..<3 {
            let took = UInt64(row == 2 ? 900_000_000 : 1_000_000)
            bed.picker.note(
                .answered(firstByteNanoseconds: took, nanoseconds: took), position: row, now: 1)
        }
        bed.adopt([makeReplica(2), makeReplica(1, .closed), makeReplica(0)])
        for position in [1, 3, 1_000] {
            bed.picker.note(.failed(nanoseconds: 1), position: position, now: 2)
        }
        #expect(Set((0..<100).map { _ in bed.pick(now: 2)!.row }) == [0])
    }
}
