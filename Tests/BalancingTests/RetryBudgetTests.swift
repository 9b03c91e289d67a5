import Testing

@testable import Balancing

@Suite("The budget for retries")
struct RetryBudgetTests {
    /// Retries made in one second until the budget says no.
    private func spend(_ budget: inout RetryBudget, at second: UInt64, floor: Int = 0) -> Int {
        var made = 0
        while budget.allowsRetry(second: second, percent: 20, floor: floor), made < 10_000 {
            budget.noteRetry(second: second)
            made += 1
        }
        return made
    }

    @Test("A fifth of the requests may be retries")
    func share() {
        var budget = RetryBudget()
        for _ in 0..<1_000 { budget.noteRequest(second: 7) }
        #expect(spend(&budget, at: 7) == 200)
        for _ in 0..<5 { budget.noteRequest(second: 8) }
        #expect(spend(&budget, at: 8) == 1)
    }

    @Test("The floor is there without requests")
    func floor() {
        var budget = RetryBudget()
        #expect(spend(&budget, at: 100, floor: 10) == 100)
        #expect(spend(&budget, at: 109, floor: 10) == 0)
        #expect(spend(&budget, at: 110, floor: 10) == 100)
    }

    @Test("What is older than ten seconds counts no more")
    func window() {
        var budget = RetryBudget()
        for second in UInt64(20)..<30 {
            for _ in 0..<100 { budget.noteRequest(second: second) }
        }
        #expect(spend(&budget, at: 29) == 200)
        #expect(spend(&budget, at: 30) == 0)
        for _ in 0..<100 { budget.noteRequest(second: 39) }
        #expect(spend(&budget, at: 39) == 20)
        #expect(spend(&budget, at: 1_000) == 0)
    }

    @Test("No window of ten seconds has more retries than the budget", arguments: UInt64(1)...5)
    func storm(seed: UInt64) {
        var random = Seeded(seed)
        var budget = RetryBudget()
        var requests: [UInt64] = []
        var retries: [UInt64] = []
        var second: UInt64 = 1_000
        for _ in 0..<4_000 {
            switch random.next() % 100 {
            case 0: second += random.next() % 4
            case 1...50:
                budget.noteRequest(second: second)
                requests.append(second)
            default:
                guard budget.allowsRetry(second: second, percent: 20, floor: 3) else { break }
                budget.noteRetry(second: second)
                retries.append(second)
                let past = second - 10
                let allowed = requests.count { $0 > past } * 20 / 100 + 30
                let made = retries.count { $0 > past }
                #expect(made <= allowed)
            }
        }
        #expect(retries.count > 200)
    }
}
