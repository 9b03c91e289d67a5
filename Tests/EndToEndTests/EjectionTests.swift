import TestSupport
import Testing
import Transport

/// Real traffic speaks against a replica, or against none.
@Suite struct EjectionTests {
    /// Answers by their text, in stretches of 200 ms since the load began.
    private final class Answers: Sendable {
        let start = Instant.now()
        private let counts = Guarded([Int: [String: Int]]())

        func add(_ text: String) {
            let stretch = Instant.now().milliseconds(since: start) / 200
            counts.withLock { $0[stretch, default: [:]][text, default: 0] += 1 }
        }

        func sum(_ stretches: Range<Int>) -> [String: Int] {
            counts.withLock { counts in
                stretches.reduce(into: [:]) { sum, stretch in
                    sum.merge(counts[stretch] ?? [:]) { $0 + $1 }
                }
            }
        }
    }

    /// Eight clients send one request after the other for so long.
    private func load(_ weir: WeirProcess, _ bed: TestBed, milliseconds: Int) throws -> Answers {
        let answers = Answers()
        let clients = try (0..<8).map { _ in
            let client = try bed.connect(to: weir)
            return try Background {
                while Instant.now().milliseconds(since: answers.start) < milliseconds {
                    let answer = try client.roundTrip(request("GET /"))
                    answers.add(answer.text)
                }
            }
        }
        for client in clients { try client.join() }
        return answers
    }

    private func failing(_ name: String) -> ScriptedReplica.Script {
        ScriptedReplica.serving { _ in Reply(name, status: "500 Internal Server Error") }
    }

    @Test(
        "One replica of three that answers 500 at once gets less than 1 % of the answers after 1 s",
        arguments: ["round-robin", "least-connections", "power-of-two"])
    func badReplica(policy: String) throws {
        try TestBed.run { bed in
            let bad = try bed.replica(failing("bad"))
            let good = try ["a", "b"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: bad, good[0], good[1],
                pool: "balance: \(policy)",
                rest: "limits: { requests_per_connection: 1000000 }")
            try weir.awaitReady(3)
            let answers = try load(weir, bed, milliseconds: 2_500)
            let second = answers.sum(5..<13)
            let total = second.values.reduce(0, +)
            print("\(policy): first second \(answers.sum(0..<5)), then \(second)")
            #expect(total > 200)
            #expect(second["bad", default: 0] * 100 < total)
            // It is out, and says why.
            let pool = try JSON(weir.ask("/status").text)["pools"].first("name", "web")
            #expect(pool["ejections"].int == 1)
            let replica = pool["replicas"].first("address", "\(bad.address)")
            #expect(replica["state"].string == "down")
            #expect(replica["cause"].string?.hasPrefix("ejected for 10s: ") == true)
        }
    }
}
