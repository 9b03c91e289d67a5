import TestSupport
import Testing

@Suite struct FullReplicaTests {
    /// A replica that answers when the gate is open, and knows how many it had at once.
    private final class Gated: Sendable {
        let isOpen = Guarded(false)
        private let counts = Guarded((now: 0, most: 0))

        var most: Int { counts.withLock(\.most) }

        func serve(_ wire: Wire) throws {
            while let asked = try wire.readRequest() {
                counts.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                try eventually(within: 20, "the gate is open") { isOpen.withLock { $0 } }
                counts.withLock { $0.now -= 1 }
                let text = String(asked.target.dropFirst())
                try wire.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            }
        }
    }

    @Test(
        "A replica has so many at once, over all workers; the others wait and lose nothing",
        arguments: [1, 3])
    func limit(workers: Int) throws {
        try TestBed.run { bed in
            let gated = [Gated(), Gated()]
            let replicas = try gated.map { gate in try bed.replica { try gate.serve($0) } }
            let addresses = replicas.map { "\"\($0.address)\"" }.joined(separator: ", ")
            let weir = try bed.weir(
                "pools: { web: { discover: [\(addresses)], max_in_flight: 4 } }", workers: workers)
            try weir.awaitReady(2)
            let clients = try (0..<30).map { _ in try bed.connect(to: weir) }
            for client in clients { try client.send(request("GET /")) }
            // Workers that decide at the same moment may be one above it each.
            let most = 8 + 2 * (workers - 1)
            try eventually("the rest waits") {
                let pool = try JSON(weir.ask("/status").text)["pools"].first("name", "web")
                let inFlight = pool["in_flight"].int ?? 0
                return inFlight >= 8 && inFlight <= most && pool["holding"].int == 30 - inFlight
            }
            for gate in gated { gate.isOpen.withLock { $0 = true } }
            for client in clients { #expect(try client.readResponse().status == 200) }
            #expect(gated.allSatisfy { $0.most <= 4 + workers - 1 }, "\(gated.map(\.most))")
        }
    }

    @Test("Those who wait go in the order in which they came")
    func order() throws {
        try TestBed.run { bed in
            let gate = Gated()
            let seen = Guarded<[String]>([])
            let replica = try bed.replica { wire in
                while let asked = try wire.readRequest() {
                    seen.withLock { $0.append(asked.target) }
                    try eventually(within: 20, "the gate is open") { gate.isOpen.withLock { $0 } }
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica, pool: "max_in_flight: 1")
            try weir.awaitReady(1)
            var clients: [Wire] = []
            for number in 0..<6 {
                let client = try bed.connect(to: weir)
                try client.send(request("GET /\(number)"))
                clients.append(client)
                try eventually("it has come") {
                    let pool = try JSON(weir.ask("/status").text)["pools"].first("name", "web")
                    return pool["holding"].int == number && pool["in_flight"].int == 1
                }
            }
            gate.isOpen.withLock { $0 = true }
            for client in clients { #expect(try client.readResponse().status == 200) }
            #expect(seen.withLock { $0 } == (0..<6).map { "/\($0)" })
        }
    }

    @Test("Whoever waits too long is answered with the reason")
    func deadline() throws {
        try TestBed.run { bed in
            let gate = Gated()
            let replica = try bed.replica { try gate.serve($0) }
            let weir = try bed.weir(
                to: replica, pool: "max_in_flight: 1\nhold: { timeout: 300ms }")
            try weir.awaitReady(1)
            let first = try bed.connect(to: weir)
            try first.send(request("GET /first"))
            try eventually("it is there") { gate.most == 1 }
            let late = try bed.connect(to: weir).roundTrip(request("GET /late"))
            #expect(late.status == 503 && late.reason == "hold_timeout")
            gate.isOpen.withLock { $0 = true }
            #expect(try first.readResponse().status == 200)
        }
    }
}
