import TestSupport
import Testing
import Transport

/// Policies that look at the request, or at how replicas answer.
@Suite struct BalanceTests {
    @Test("By consistent hash a client goes to one replica, and to another only while that is away")
    func hash() throws {
        try TestBed.run { bed in
            let replicas = try ["a", "b", "c"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: replicas[0], replicas[1], replicas[2], pool: "balance: consistent-hash")
            try weir.awaitReady(3)
            let client = try bed.connect(to: weir)
            let home = try client.roundTrip(request("GET /")).text
            for _ in 0..<50 { #expect(try client.roundTrip(request("GET /")).text == home) }
            let index = try #require(["a", "b", "c"].firstIndex(of: home))
            replicas[index].stop()
            let next = try client.roundTrip(request("GET /")).text
            #expect(next != home)
            for _ in 0..<50 { #expect(try client.roundTrip(request("GET /")).text == next) }
            try replicas[index].start()
            try weir.awaitReady(3)
            try eventually("the client is back at its replica") {
                try client.roundTrip(request("GET /")).text == home
            }
        }
    }

    @Test("By consistent hash of a field each value has a replica, and requests without go in turn")
    func hashOfField() throws {
        try TestBed.run { bed in
            let replicas = try ["a", "b", "c"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: replicas[0], replicas[1], replicas[2],
                pool: "balance: consistent-hash\nhash: { header: X-User }")
            try weir.awaitReady(3)
            let client = try bed.connect(to: weir)
            var homes: [String: String] = [:]
            for round in 0..<4 {
                for user in 0..<30 {
                    let text = try client.roundTrip(request("GET /", "X-User: u\(user)")).text
                    let home = homes["u\(user)", default: text]
                    #expect(text == home, "round \(round)")
                    homes["u\(user)"] = home
                }
            }
            #expect(Set(homes.values).count == 3)
            var counts: [String: Int] = [:]
            for _ in 0..<30 {
                counts[try client.roundTrip(request("GET /")).text, default: 0] += 1
            }
            #expect(counts == ["a": 10, "b": 10, "c": 10])
        }
    }

    @Test("By least response time a slow replica of three gets a small share")
    func leastResponseTime() throws {
        try TestBed.run { bed in
            let slow = try bed.replica(
                ScriptedReplica.serving { _ in
                    let late = Deadline(seconds: 0.05)
                    try eventually("the slow answer is due") { late.hasPassed }
                    return Reply("slow")
                })
            let fast = try ["a", "b"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: slow, fast[0], fast[1], pool: "balance: least-response-time")
            try weir.awaitReady(3)
            let client = try bed.connect(to: weir)
            var counts: [String: Int] = [:]
            for _ in 0..<300 {
                counts[try client.roundTrip(request("GET /")).text, default: 0] += 1
            }
            print("least response time: \(counts)")
            #expect(counts["slow", default: 0] <= 15, "\(counts)")
            #expect(counts["a", default: 0] > 50 && counts["b", default: 0] > 50, "\(counts)")
        }
    }
}
