import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

/// Replicas that close unused connections just when the next requests come.
@Suite("Connections that are closed while a request is on its way")
struct IdleRaceTests {
    /// Answers; closes a connection that has been unused for exactly so long.
    private static func closing(
        after milliseconds: Int, _ done: Guarded<[String: Int]>
    ) throws -> ScriptedReplica {
        try ScriptedReplica { wire in
            while true {
                wire.patience = Double(milliseconds) / 1_000
                guard let request = try wire.readRequest() else { return }
                if request.method == "POST" {
                    done.withLock {
                        $0[String(decoding: request.body, as: UTF8.self), default: 0] += 1
                    }
                }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
    }

    @Test("4,000 requests at the very moment of the close: none fails, no POST is done twice")
    func race() throws {
        let idle = 700
        // What a busy machine delays must not make an old connection look like one of just now.
        var settings = PoolSettings()
        settings.freshnessMilliseconds = 100
        // A sanitizer slows each of the threads down many times.
        let count = WeirProgram.isSanitized ? 40 : 400
        let done = Guarded<[String: Int]>([:])
        let failures = Guarded<[String]>([])
        let replica = try IdleRaceTests.closing(after: idle, done)
        let bed = try Bed(replicas: [replica.address], settings: settings)
        let clients = try (0..<count).map { number in
            try Background {
                let client = try bed.client()
                for round in 0..<10 {
                    let isPost = (number + round) % 2 == 0
                    let body = "\(number)-\(round)"
                    let response = try client.roundTrip(
                        isPost ? request("POST /", body: body) : request("GET /"))
                    if response.status != 200 {
                        failures.withLock { $0.append("\(isPost): \(response)") }
                    }
                    // From 2 ms before the close to 2 ms after it.
                    _ = client.isSilent(for: Double(idle - 2 + (number + round) % 5) / 1_000)
                }
            }
        }
        for client in clients { try client.join(within: 60) }
        #expect(failures.withLock(\.self) == [])
        let posts = done.withLock(\.self)
        #expect(posts.count == count * 5 && posts.values.allSatisfy { $0 == 1 })
        print(
            "idle race: \(bed.pool(.retries)) retries,"
                + " \(bed.pool(.rescued)) rescued of \(bed.pool(.requests))")
        bed.stop()
        replica.stop()
    }
}
