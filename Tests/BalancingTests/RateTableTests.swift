import Balancing
import TestSupport
import Testing

@Suite("Rate limits")
struct RateTableTests {
    static let second: Int64 = 1_000_000_000

    private static func limit(_ requests: Int, burst: Int) -> RateLimit {
        RateLimit(requests: requests, nanoseconds: second, burst: burst)
    }

    @Test("A burst is admitted at once, then one for each interval")
    func burst() {
        let table = RateTable(clientsMaximum: 64)
        let limit = Self.limit(10, burst: 5)
        let start = Self.second * 100
        for _ in 0..<5 { #expect(table.admit(client: 7, limit, now: start) == .admitted) }
        #expect(
            table.admit(client: 7, limit, now: start)
                == .refused(retryAfterNanoseconds: Self.second / 10))
        let later = start + Self.second / 10
        #expect(table.admit(client: 7, limit, now: later) == .admitted)
        #expect(table.admit(client: 7, limit, now: later) != .admitted)
    }

    @Test("Who keeps to what a refusal says is admitted then, and never before")
    func retryAfter() {
        let table = RateTable(clientsMaximum: 64)
        let limit = Self.limit(3, burst: 1)
        var now = Self.second
        #expect(table.admit(client: 1, limit, now: now) == .admitted)
        for _ in 0..<100 {
            guard case .refused(let wait) = table.admit(client: 1, limit, now: now) else {
                Issue.record("admitted too early")
                return
            }
            #expect(table.admit(client: 1, limit, now: now + wait - 1) != .admitted)
            now += wait
            #expect(table.admit(client: 1, limit, now: now) == .admitted)
        }
    }

    @Test("Over any time no client gets more than its burst and its rate", arguments: [1, 2, 3])
    func bound(seed: UInt64) {
        var random = Seeded(seed)
        let table = RateTable(clientsMaximum: 1_024)
        let limit = Self.limit(50, burst: 20)
        var now = Self.second
        var admitted = [Int](repeating: 0, count: 8)
        for _ in 0..<20_000 {
            now += Int64.random(in: 0...2_000_000, using: &random)
            let client = Int.random(in: 0..<8, using: &random)
            // Spread over the sets, as hashes are.
            let hash = UInt64(client + 1) &* 0x9e37_79b9_7f4a_7c15
            if table.admit(client: hash, limit, now: now) == .admitted { admitted[client] += 1 }
        }
        let most = 20 + Int((now - Self.second) / (Self.second / 50)) + 1
        #expect(admitted.allSatisfy { $0 <= most }, "\(admitted), at most \(most)")
        // They asked for more than twice as much, so that all got what they might.
        #expect(admitted.allSatisfy { $0 >= most * 9 / 10 }, "\(admitted), about \(most)")
    }

    @Test("A table that is full forgets who is nearest to whole, and refuses nobody for it")
    func full() {
        let table = RateTable(clientsMaximum: 8)
        let limit = Self.limit(1, burst: 2)
        let now = Self.second
        for client in UInt64(1)...1_000 {
            #expect(table.admit(client: client, limit, now: now) == .admitted)
        }
        #expect(table.admit(client: 1_000, limit, now: now) == .admitted)
        #expect(table.admit(client: 1_000, limit, now: now) != .admitted)
    }

    @Test("Several threads together get what one would")
    func threads() throws {
        let table = RateTable(clientsMaximum: 1_024)
        let limit = Self.limit(1_000, burst: 1_000)
        let admitted = Guarded(0)
        let threads = try (0..<4).map { _ in
            try Background {
                var mine = 0
                for _ in 0..<5_000
                where table.admit(client: 42, limit, now: Self.second) == .admitted {
                    mine += 1
                }
                let count = mine
                admitted.withLock { $0 += count }
            }
        }
        for thread in threads { try thread.join() }
        #expect(admitted.withLock { $0 } == 1_000)
    }
}
