import Balancing
import TestSupport
import Testing

@Suite("Connections of clients")
struct ClientTableTests {
    /// Spread over the sets, as hashes are.
    private static func hash(_ client: Int) -> UInt64 {
        UInt64(client + 1) &* 0x9e37_79b9_7f4a_7c15
    }

    @Test("A client gets as many connections as it may, and one more when one of them ends")
    func limit() {
        let table = ClientTable(clientsMaximum: 64)
        for _ in 0..<3 { #expect(table.enter(client: Self.hash(1), maximum: 3) == .counted) }
        #expect(table.enter(client: Self.hash(1), maximum: 3) == .refused)
        #expect(table.enter(client: Self.hash(2), maximum: 3) == .counted)
        table.leave(client: Self.hash(1))
        #expect(table.enter(client: Self.hash(1), maximum: 3) == .counted)
        #expect(table.enter(client: Self.hash(1), maximum: 3) == .refused)
    }

    @Test("Who finds no place is admitted uncounted, and has one when others have left")
    func full() {
        let table = ClientTable(clientsMaximum: 8)
        for client in 0..<8 {
            #expect(table.enter(client: Self.hash(client), maximum: 1) == .counted)
        }
        #expect(table.enter(client: Self.hash(8), maximum: 1) == .uncounted)
        #expect(table.enter(client: Self.hash(8), maximum: 1) == .uncounted)
        table.leave(client: Self.hash(3))
        #expect(table.enter(client: Self.hash(8), maximum: 1) == .counted)
        #expect(table.enter(client: Self.hash(8), maximum: 1) == .refused)
    }

    @Test("However connections come and go, each client has what was counted", arguments: 1...3)
    func storm(seed: Int) {
        var random = Seeded(UInt64(seed))
        let table = ClientTable(clientsMaximum: 1_024)
        var open = [Int](repeating: 0, count: 50)
        for _ in 0..<50_000 {
            let client = Int.random(in: 0..<50, using: &random)
            if Bool.random(using: &random) {
                let verdict = table.enter(client: Self.hash(client), maximum: 10)
                #expect(verdict == (open[client] < 10 ? .counted : .refused))
                if verdict == .counted { open[client] += 1 }
            } else if open[client] > 0 {
                table.leave(client: Self.hash(client))
                open[client] -= 1
            }
        }
        for client in 0..<50 {
            #expect(table.connections(of: Self.hash(client)) == open[client])
        }
    }

    @Test("Workers that count the same client at once lose nothing, and admit no more than it may")
    func threads() throws {
        let table = ClientTable(clientsMaximum: 64)
        let admitted = Guarded(0)
        let most = Guarded(0)
        let threads = try (0..<4).map { _ in
            try Background {
                for _ in 0..<20_000 where table.enter(client: Self.hash(1), maximum: 3) == .counted
                {
                    let now = admitted.withLock { count in
                        count += 1
                        return count
                    }
                    most.withLock { $0 = max($0, now) }
                    admitted.withLock { $0 -= 1 }
                    table.leave(client: Self.hash(1))
                }
            }
        }
        for thread in threads { try thread.join() }
        #expect(table.connections(of: Self.hash(1)) == 0)
        #expect(most.withLock { $0 } <= 4)
        for _ in 0..<3 { #expect(table.enter(client: Self.hash(1), maximum: 3) == .counted) }
        #expect(table.enter(client: Self.hash(1), maximum: 3) == .refused)
    }
}
