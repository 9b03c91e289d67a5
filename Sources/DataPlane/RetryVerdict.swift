/// What the one place that handles failures needs to know to decide; plain values.
struct FailedAttempt {
    var reason: FailureReason
    var isIdempotent: Bool
    /// The request, with its body as far as it has come, can be sent again.
    var isReplayable: Bool
    /// Some byte of the request was written to the connection.
    var hasSent: Bool
    /// Some byte of a response has come.
    var hasResponse: Bool
    /// The connection was a kept one, which may just have been stale.
    var isOnReusedConnection: Bool
    /// This request has already been sent again after a fresh connection had failed with it.
    var hasRetriedFresh: Bool
    /// It has already waited a moment for its last attempt.
    var hasBackedOff: Bool
    /// Attempts that got a connection, this one included; and all of them.
    var attempts: Int
    var connects: Int
    var attemptsMaximum: Int
    /// It has had the time that a request may wait.
    var isLate: Bool
    /// Another replica is ready that has not been tried.
    var hasOther: Bool
    /// The pool wants a retry when the first byte of a response does not come in time.
    var retriesFirstByte: Bool
    /// The budget has room for a retry.
    var isWithinBudget: Bool
}

/// What to do about it.
enum FailureVerdict: Equatable {
    /// Another attempt, on another replica if there is one; wait for one if need be.
    case retry
    /// The same, at the cost of the budget.
    case retryOnBudget
    /// The same, after a moment, in which whatever is ending now has ended.
    case retryLaterOnBudget
    /// Answer with the reason's status.
    case answer
    /// The same, since the budget for retries is spent.
    case deny
    /// Part of a response is out already: cut the connection, so that nobody takes it for whole.
    case cut
}

/// The retry table: which failures the client never hears of.
///
/// - Nothing was sent: tried elsewhere for any method, as long as a request may wait.
/// - Sent, and no byte came back: once more after a kept connection, which may just have been
///   stale, and once after a fresh one or a stream that was reset, if the request is idempotent and
///   whole in our hands.
/// - When these are used up, a last time, after a moment: replicas that are stopped together close
///   on it one after the other, and none of them says so before.
/// - The replica answered with a status that the pool wants tried again, or not in time: the same,
///   if another replica is ready.
///
/// The budget pays for what makes load grow: not for connects, replicas that are gone, and stale
/// connections, whose requests nobody has worked on.
func verdict(on attempt: FailedAttempt) -> FailureVerdict {
    if attempt.hasResponse { return .cut }
    let isConnected = attempt.attempts < attempt.attemptsMaximum
    switch attempt.reason {
    case .connectRefused, .connectTimeout, .connectUnreachable, .tlsHandshakeFailed,
        .tlsCertificateInvalid, .tlsAlertReceived:
        return attempt.canConnectAgain ? .retry : .answer
    case .closedBeforeHeaders, .replicaLost:
        guard attempt.mayBeRepeated else { return .answer }
        if !isConnected || attempt.hasSent && attempt.hasRetriedFresh {
            guard !attempt.hasBackedOff, !attempt.isLate else { return .answer }
            return attempt.isWithinBudget ? .retryLaterOnBudget : .deny
        }
        let isFree = attempt.isOnReusedConnection || attempt.reason == .replicaLost
        if isFree || !attempt.hasSent { return .retry }
        return attempt.isWithinBudget ? .retryOnBudget : .deny
    case .streamRefused:
        let isPossible = attempt.isReplayable && isConnected && attempt.canConnectAgain
        return isPossible ? .retry : .answer
    case .streamReset:
        guard attempt.mayBeRepeated, isConnected, !attempt.hasRetriedFresh else { return .answer }
        return attempt.isWithinBudget ? .retryOnBudget : .deny
    case .firstByteTimeout where !attempt.retriesFirstByte: return .answer
    case .firstByteTimeout, .retriedStatus:
        guard attempt.mayBeRepeated, isConnected, attempt.hasOther else { return .answer }
        return attempt.isWithinBudget ? .retryOnBudget : .deny
    default:
        return .answer
    }
}

extension FailedAttempt {
    /// Another replica may be given the request, whatever the number of attempts.
    fileprivate var mayBeRepeated: Bool {
        hasSent ? isIdempotent && isReplayable : canConnectAgain
    }

    fileprivate var canConnectAgain: Bool {
        (isReplayable || !hasSent) && !isLate
            && connects < DataPlaneLimits.connectsPerRequestMaximum
    }
}
