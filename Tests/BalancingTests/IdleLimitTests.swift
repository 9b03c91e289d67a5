import Testing

@testable import Balancing

@Suite("The idle time of replicas, learned")
struct IdleLimitTests {
    private func taught(_ closes: [(age: Int, now: Int)]) -> IdleLimit {
        var limit = IdleLimit()
        for close in closes { limit.noteClose(age: close.age, now: close.now) }
        return limit
    }

    @Test("Three closes at the same age, apart from each other, are a time-out")
    func learned() {
        var limit = taught([(2_003, 10_000), (2_000, 12_000), (2_001, 13_000)])
        #expect(limit.isLearned)
        #expect(limit.milliseconds(configured: 4_000, now: 13_000) == 1_600)
        #expect(limit.milliseconds(configured: 1_000, now: 13_000) == 1_000)
        #expect(!taught([(2_003, 10_000), (2_000, 12_000)]).isLearned)
    }

    @Test("A replica that stops teaches nothing, whatever the ages of its connections")
    func stopping() {
        let ages = [2_000, 5, 700, 710, 3_999, 90, 2_010, 2_020, 1_999]
        #expect(!taught(ages.map { ($0, 50_000) }).isLearned)
        #expect(!taught(Array(repeating: (2_000, 50_000), count: 50)).isLearned)
        let restarts = (0..<10).flatMap { round in
            ages.map { ($0 + round * 137 % 900, 50_000 + round * 2_000 + $0 % 7) }
        }
        #expect(!taught(restarts).isLearned)
    }

    @Test("Closes at any age teach nothing")
    func scattered() {
        var random = Seeded(5)
        var limit = IdleLimit()
        for step in 0..<1_000 {
            // Each of another order of size than the last one.
            let age = step % 2 == 0 ? 100 + Int(random.next() % 100) : 1_000
            limit.noteClose(age: age + step % 3 * 400, now: step * 1_000)
        }
        #expect(!limit.isLearned)
    }

    @Test("What was learned is doubted, grows, and is forgotten where the configuration is reached")
    func doubted() {
        var limit = taught([(1_000, 1_000), (1_000, 2_000), (1_000, 3_000)])
        let minutes = [0, 1, 2, 3, 4, 5].map {
            limit.milliseconds(configured: 4_000, now: 3_000 + $0 * 60_000)
        }
        #expect(minutes == [800, 1_200, 1_800, 2_700, 4_000, 4_000])
        #expect(!limit.isLearned)
    }

    @Test("Closes that confirm it bring it back")
    func confirmed() {
        var limit = taught([(1_000, 1_000), (1_000, 2_000), (1_000, 3_000)])
        #expect(limit.milliseconds(configured: 4_000, now: 64_000) == 1_200)
        limit.noteClose(age: 1_001, now: 65_000)
        #expect(limit.milliseconds(configured: 4_000, now: 65_000) == 800)
    }

    @Test("A response that is followed by a close says nothing about idle time")
    func atOnce() {
        #expect(!taught((1...50).map { (1, $0 * 1_000) }).isLearned)
    }
}
