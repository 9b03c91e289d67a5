import Testing

@testable import DataPlane

@Suite("The retry table")
struct VerdictTests {
    struct Row: Sendable, CustomStringConvertible {
        var reason: FailureReason
        var sent = false
        var idempotent = true
        var replayable = true
        var response = false
        var again = false
        var attempts = 1
        var expected: FailureVerdict
        var description: String {
            "\(reason) sent=\(sent) idempotent=\(idempotent) replayable=\(replayable) "
                + "response=\(response) again=\(again) attempts=\(attempts): \(expected)"
        }
    }

    static let rows: [Row] = [
        // Nothing was sent: any method, as often as it takes.
        Row(reason: .connectRefused, idempotent: false, expected: .retry),
        Row(reason: .connectTimeout, idempotent: false, expected: .retry),
        Row(reason: .connectUnreachable, idempotent: false, attempts: 7, expected: .retry),
        Row(reason: .closedBeforeHeaders, idempotent: false, expected: .retry),
        Row(reason: .replicaLost, idempotent: false, expected: .retry),
        // Sent, and no byte came back: once more if that is harmless.
        Row(reason: .closedBeforeHeaders, sent: true, expected: .retry),
        Row(reason: .replicaLost, sent: true, expected: .retry),
        Row(reason: .closedBeforeHeaders, sent: true, idempotent: false, expected: .answer),
        Row(reason: .replicaLost, sent: true, idempotent: false, expected: .answer),
        Row(reason: .closedBeforeHeaders, sent: true, replayable: false, expected: .answer),
        Row(reason: .closedBeforeHeaders, sent: true, again: true, expected: .answer),
        Row(reason: .closedBeforeHeaders, sent: true, attempts: 3, expected: .answer),
        // The replica had its chance, or is not to blame.
        Row(reason: .firstByteTimeout, sent: true, expected: .answer),
        Row(reason: .malformedResponse, sent: true, expected: .answer),
        Row(reason: .clientClosed, sent: true, expected: .answer),
        Row(reason: .noRoute, expected: .answer),
        Row(reason: .noReadyReplica, expected: .answer),
        // The client has part of a response.
        Row(reason: .closedMidResponse, sent: true, response: true, expected: .cut),
        Row(reason: .replicaLost, sent: true, response: true, expected: .cut),
        Row(reason: .bodyTimeout, sent: true, response: true, expected: .cut),
    ]

    @Test("Each kind of failure leads where the table says", arguments: rows)
    func table(row: Row) {
        let attempt = FailedAttempt(
            reason: row.reason, isIdempotent: row.idempotent, isReplayable: row.replayable,
            hasSent: row.sent, hasResponse: row.response, hasRetriedFresh: row.again,
            attempts: row.attempts, attemptsMaximum: 3)
        #expect(verdict(on: attempt) == row.expected)
    }

    @Test("Nothing that was sent and is not idempotent is ever sent again")
    func neverTwice() {
        for raw in UInt8(0)..<64 {
            guard let reason = FailureReason(rawValue: raw) else { continue }
            for again in [false, true] {
                let attempt = FailedAttempt(
                    reason: reason, isIdempotent: false, isReplayable: true, hasSent: true,
                    hasResponse: false, hasRetriedFresh: again, attempts: 1,
                    attemptsMaximum: 3)
                let isConnect = [.connectRefused, .connectTimeout, .connectUnreachable].contains(
                    reason)
                #expect(isConnect || verdict(on: attempt) != .retry, "\(reason)")
            }
        }
    }
}
