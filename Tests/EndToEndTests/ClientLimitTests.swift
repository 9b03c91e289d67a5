import TestSupport
import Testing

@Suite struct ClientLimitTests {
    @Test("A client has so many connections over all workers; the surplus is answered and said")
    func connectionsPerClient() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                """
                pools: { web: { discover: "\(replica.address)" } }
                limits: { connections_per_client: 6 }
                """, workers: 3)
            try weir.awaitReady(1)
            let served = try (0..<6).map { _ in try bed.connect(to: weir) }
            for client in served { #expect(try client.roundTrip(request("GET /")).status == 200) }
            for _ in 0..<4 {
                let surplus = try bed.connect(to: weir)
                let answer = try surplus.readResponse()
                #expect(answer.status == 429 && answer.reason == "client_connections")
                #expect(surplus.isClosedByOtherSide(within: 5))
            }
            for client in served { #expect(try client.roundTrip(request("GET /")).status == 200) }
            try eventually("it is counted, logged and said") {
                let listener = try JSON(weir.ask("/status").text)["listeners"].first("name", "web")
                let metrics = try weir.ask("/metrics").text
                let lines = try weir.accessLog().filter {
                    $0["reason"].string == "client_connections"
                }
                return listener["clients_refused"].int == 4
                    && metrics.contains(/weir_listener_clients_refused_total\{[^}]*\} 4/)
                    && weir.standardError.contains("limits.connections_per_client")
                    && lines.count == 4
            }
            // All of them go, and the next ones are as welcome as the first.
            for client in served { client.close() }
            try eventually("there is room") {
                try JSON(weir.ask("/status").text)["listeners"].first("name", "web")["open"].int
                    == 0
            }
            for _ in 0..<6 {
                #expect(try bed.connect(to: weir).roundTrip(request("GET /")).status == 200)
            }
        }
    }
}
