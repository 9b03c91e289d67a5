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
        var reused = false
        var again = false
        var waited = false
        var attempts = 1
        var connects = 1
        var late = false
        var other = true
        var slow = false
        var budget = true
        var expected: FailureVerdict
        var description: String {
            "\(reason) sent=\(sent) idempotent=\(idempotent) replayable=\(replayable) "
                + "response=\(response) reused=\(reused) again=\(again) waited=\(waited) "
                + "attempts=\(attempts) connects=\(connects) late=\(late) "
                + "other=\(other) slow=\(slow) budget=\(budget): \(expected)"
        }

        var attempt: FailedAttempt {
            FailedAttempt(
                reason: reason, isIdempotent: idempotent, isReplayable: replayable,
                hasSent: sent, hasResponse: response, isOnReusedConnection: reused,
                hasRetriedFresh: again, hasBackedOff: waited, attempts: attempts,
                connects: connects,
                attemptsMaximum: 3, isLate: late, hasOther: other, retriesFirstByte: slow,
                isWithinBudget: budget)
        }
    }

    static let connecting: [Row] = [
        // Nothing was sent: any method, as often as it takes, but not for ever, and for nothing.
        Row(reason: .connectRefused, idempotent: false, expected: .retry),
        Row(reason: .connectTimeout, idempotent: false, expected: .retry),
        Row(reason: .connectUnreachable, idempotent: false, connects: 7, expected: .retry),
        Row(reason: .connectRefused, attempts: 3, connects: 9, expected: .retry),
        Row(reason: .connectRefused, other: false, budget: false, expected: .retry),
        Row(reason: .connectRefused, late: true, expected: .answer),
        // The replica has done nothing with it (RFC 9113 §8.7): any method, while we have it whole.
        Row(reason: .streamRefused, sent: true, idempotent: false, expected: .retry),
        Row(reason: .streamRefused, sent: true, other: false, budget: false, expected: .retry),
        Row(reason: .streamRefused, sent: true, replayable: false, expected: .answer),
        Row(reason: .streamRefused, sent: true, attempts: 3, expected: .answer),
        Row(reason: .streamRefused, sent: true, late: true, expected: .answer),
        Row(reason: .upgradeRefused, expected: .answer),
        Row(reason: .connectTimeout, connects: 256, expected: .answer),
        Row(reason: .tlsCertificateInvalid, idempotent: false, expected: .retry),
        Row(reason: .tlsHandshakeFailed, attempts: 3, connects: 9, expected: .retry),
        Row(reason: .tlsAlertReceived, idempotent: false, expected: .retry),
        Row(reason: .tlsCertificateInvalid, late: true, expected: .answer),
        Row(reason: .closedBeforeHeaders, idempotent: false, budget: false, expected: .retry),
        Row(reason: .replicaLost, idempotent: false, expected: .retry),
        Row(reason: .closedBeforeHeaders, attempts: 3, expected: .retryLaterOnBudget),
        Row(reason: .closedBeforeHeaders, waited: true, attempts: 4, expected: .answer),
        Row(reason: .connectRefused, waited: true, attempts: 4, expected: .retry),
        Row(reason: .closedBeforeHeaders, late: true, expected: .answer),
    ]

    static let sent: [Row] = [
        // Sent, and no byte came back: once more if that is harmless. Fresh ones cost the budget.
        Row(reason: .closedBeforeHeaders, sent: true, expected: .retryOnBudget),
        Row(reason: .closedBeforeHeaders, sent: true, budget: false, expected: .deny),
        Row(reason: .closedBeforeHeaders, sent: true, reused: true, expected: .retry),
        Row(
            reason: .closedBeforeHeaders, sent: true, reused: true, budget: false,
            expected: .retry),
        Row(reason: .replicaLost, sent: true, budget: false, expected: .retry),
        Row(reason: .closedBeforeHeaders, sent: true, idempotent: false, expected: .answer),
        Row(
            reason: .closedBeforeHeaders, sent: true, idempotent: false, reused: true,
            expected: .answer),
        Row(reason: .replicaLost, sent: true, idempotent: false, expected: .answer),
        Row(reason: .closedBeforeHeaders, sent: true, replayable: false, expected: .answer),
        // Used up: a last time, after a moment.
        Row(
            reason: .closedBeforeHeaders, sent: true, again: true, expected: .retryLaterOnBudget),
        Row(reason: .replicaLost, sent: true, again: true, expected: .retryLaterOnBudget),
        Row(
            reason: .closedBeforeHeaders, sent: true, attempts: 3, other: false,
            expected: .retryLaterOnBudget),
        Row(
            reason: .closedBeforeHeaders, sent: true, again: true, waited: true, attempts: 4,
            expected: .answer),
        Row(
            reason: .closedBeforeHeaders, sent: true, again: true, budget: false, expected: .deny),
        Row(reason: .replicaLost, sent: true, again: true, late: true, expected: .answer),
        Row(
            reason: .replicaLost, sent: true, idempotent: false, again: true, attempts: 3,
            expected: .answer),
        Row(reason: .closedBeforeHeaders, sent: true, connects: 9, expected: .retryOnBudget),
        // The replica lives, so that there is nothing to wait for.
        Row(reason: .streamReset, sent: true, expected: .retryOnBudget),
        Row(reason: .streamReset, sent: true, reused: true, expected: .retryOnBudget),
        Row(reason: .streamReset, sent: true, budget: false, expected: .deny),
        Row(reason: .streamReset, sent: true, again: true, expected: .answer),
        Row(reason: .streamReset, sent: true, idempotent: false, expected: .answer),
        Row(reason: .streamReset, sent: true, replayable: false, expected: .answer),
        Row(reason: .streamReset, sent: true, attempts: 3, expected: .answer),
        Row(reason: .streamReset, sent: true, response: true, expected: .cut),
    ]

    static let answered: [Row] = [
        // Where the pool wants it, and somebody else is ready.
        Row(reason: .retriedStatus, sent: true, expected: .retryOnBudget),
        Row(reason: .retriedStatus, sent: true, again: true, expected: .retryOnBudget),
        Row(reason: .retriedStatus, sent: true, other: false, expected: .answer),
        Row(reason: .retriedStatus, sent: true, idempotent: false, expected: .answer),
        Row(reason: .retriedStatus, sent: true, replayable: false, expected: .answer),
        Row(reason: .retriedStatus, sent: true, attempts: 3, expected: .answer),
        Row(reason: .retriedStatus, sent: true, budget: false, expected: .deny),
        Row(reason: .firstByteTimeout, sent: true, expected: .answer),
        Row(reason: .firstByteTimeout, sent: true, slow: true, expected: .retryOnBudget),
        Row(reason: .firstByteTimeout, sent: true, other: false, slow: true, expected: .answer),
        Row(
            reason: .firstByteTimeout, sent: true, idempotent: false, slow: true,
            expected: .answer),
        // The replica had its chance, or is not to blame.
        Row(reason: .malformedResponse, sent: true, expected: .answer),
        Row(reason: .closedMidResponse, sent: true, expected: .answer),
        Row(reason: .clientClosed, sent: true, expected: .answer),
        Row(reason: .noRoute, expected: .answer),
        Row(reason: .noReadyReplica, expected: .answer),
        Row(reason: .paused, expected: .answer),
        Row(reason: .holdFull, expected: .answer),
        // The client has part of a response.
        Row(reason: .closedMidResponse, sent: true, response: true, expected: .cut),
        Row(reason: .replicaLost, sent: true, response: true, expected: .cut),
        Row(reason: .bodyTimeout, sent: true, response: true, expected: .cut),
        Row(reason: .retriedStatus, sent: true, response: true, expected: .cut),
    ]

    @Test(
        "Each kind of failure leads where the table says", arguments: connecting + sent + answered)
    func table(row: Row) {
        #expect(verdict(on: row.attempt) == row.expected)
    }

    @Test("Nothing that was sent and is not idempotent is ever sent again")
    func neverTwice() {
        for raw in UInt8(0)..<64 {
            guard let reason = FailureReason(rawValue: raw) else { continue }
            for bits in 0..<32 {
                var row = Row(reason: reason, sent: true, idempotent: false, expected: .answer)
                row.again = bits & 1 != 0
                row.reused = bits & 2 != 0
                row.slow = bits & 4 != 0
                row.other = bits & 8 != 0
                row.budget = bits & 16 != 0
                // What could not connect, and what the replica says it has not touched.
                let isConnect = [
                    .connectRefused, .connectTimeout, .connectUnreachable, .streamRefused,
                    .tlsHandshakeFailed, .tlsCertificateInvalid, .tlsAlertReceived,
                ].contains(reason)
                let verdict = verdict(on: row.attempt)
                #expect(
                    isConnect || ![.retry, .retryOnBudget, .retryLaterOnBudget].contains(verdict),
                    "\(reason)")
            }
        }
    }
}
