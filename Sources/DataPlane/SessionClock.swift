internal import Balancing
internal import Transport

/// What a client's connection of HTTP/2 is waited for, and since when.
///
/// Each wait has its own beginning, which nothing moves but what is waited for: a client that says
/// other things meanwhile, such as PING, does not make it longer.
struct SessionClock {
    enum Phase: UInt8 {
        case serving
        /// GOAWAY has announced the end, and what was on its way by then is taken.
        case lastRequests
        /// GOAWAY has said which stream was the last.
        case lastStreams
    }

    /// When the phase began, or in it the last stream ended, where that counts.
    private var since = Instant(nanoseconds: 0)
    /// When the socket last took bytes.
    var takenAt = Instant(nanoseconds: 0)
    private(set) var phase = Phase.serving

    mutating func begin(_ phase: Phase, at now: Instant) {
        self.phase = phase
        since = now
    }

    /// The connection begins, or its last stream has ended.
    mutating func noteEmpty(at now: Instant) {
        if phase != .lastRequests { since = now }
    }

    /// What comes next if nothing happens until then.
    ///
    /// - Parameters:
    ///   - isBlocked: there are bytes that the socket has no room for.
    ///   - isEmpty: no request is being served; part of one may have come.
    ///   - hasServed: there was a request.
    func deadline(
        isBlocked: Bool, isEmpty: Bool, hasServed: Bool, limits: Limits
    ) -> SessionDeadline? {
        let unread = SessionDeadline(
            at: takenAt.adding(milliseconds: limits.clientIdleTimeoutMilliseconds),
            end: .connection)
        guard let end = endOfPhase(isEmpty, hasServed, limits) else {
            return isBlocked ? unread : nil
        }
        return isBlocked && unread.at < end.at ? unread : end
    }

    private func endOfPhase(
        _ isEmpty: Bool, _ hasServed: Bool, _ limits: Limits
    ) -> SessionDeadline? {
        let wait: Int
        switch phase {
        case .lastRequests: wait = DataPlaneLimits.drainFirstRequestMilliseconds
        case _ where !isEmpty: return nil
        case .serving:
            wait = hasServed ? limits.keepAliveTimeoutMilliseconds : limits.headTimeoutMilliseconds
        case .lastStreams: wait = DataPlaneLimits.lingerMilliseconds
        }
        return SessionDeadline(
            at: since.adding(milliseconds: wait),
            end: phase == .lastStreams ? .connection : .intake)
    }
}

struct SessionDeadline: Equatable {
    enum End {
        /// No stream is taken from then on.
        case intake
        /// It is closed, whatever is left.
        case connection
    }

    var at: Instant
    var end: End
}
