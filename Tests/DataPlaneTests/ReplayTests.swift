import Balancing
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Sending a body again")
struct ReplayTests {
    /// A PUT whose first replica closes without an answer, by the limit on what is kept.
    private func put(bodyBytes: Int, replayBytesMaximum: Int) throws -> WireMessage {
        let first = try ScriptedReplica { wire in _ = try wire.readRequest() }
        let second = try ScriptedReplica(
            ScriptedReplica.serving { Reply("\($0.body.count)") })
        defer {
            first.stop()
            second.stop()
        }
        // In turn, so that one of two requests begins at the first.
        let bed = try Bed(replicas: [first.address, second.address])
        defer { bed.stop() }
        bed.change { $0.limits.replayBytesMaximum = replayBytesMaximum }
        let request =
            "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: \(bodyBytes)\r\n\r\n"
            + String(repeating: "x", count: bodyBytes)
        var answers: [WireMessage] = []
        for _ in 0..<2 { answers.append(try bed.client().roundTrip(request)) }
        return try #require(answers.first { $0.status != 200 } ?? answers.first)
    }

    @Test("A body within the limit reaches the other replica")
    func within() throws {
        let answer = try put(bodyBytes: 900, replayBytesMaximum: 1_000)
        #expect(answer.status == 200 && answer.text == "900")
    }

    @Test("A body beyond the limit is not sent twice: 502 with the reason")
    func beyond() throws {
        let answer = try put(bodyBytes: 1_100, replayBytesMaximum: 1_000)
        #expect(answer.status == 502)
        #expect(answer["proxy-status"]?.contains("upstream_closed_before_headers") == true)
    }
}
