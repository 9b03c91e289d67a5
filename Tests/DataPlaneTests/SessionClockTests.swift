import Balancing
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("How long a connection of HTTP/2 may stay as it is")
struct SessionClockTests {
    private let limits = {
        var limits = Limits()
        limits.headTimeoutMilliseconds = 10
        limits.keepAliveTimeoutMilliseconds = 20
        limits.clientIdleTimeoutMilliseconds = 30
        return limits
    }()

    private func at(_ milliseconds: Int) -> Instant {
        Instant(nanoseconds: 0).adding(milliseconds: milliseconds)
    }

    private func deadline(
        _ clock: SessionClock, blocked: Bool = false, empty: Bool = true, served: Bool = true
    ) -> SessionDeadline? {
        clock.deadline(isBlocked: blocked, isEmpty: empty, hasServed: served, limits: limits)
    }

    @Test("One without streams is told to end after its time, the first request has its own")
    func idle() {
        var clock = SessionClock()
        clock.noteEmpty(at: at(100))
        #expect(deadline(clock, served: false) == SessionDeadline(at: at(110), end: .intake))
        #expect(deadline(clock) == SessionDeadline(at: at(120), end: .intake))
        #expect(deadline(clock, empty: false) == nil)
    }

    @Test("One that takes nothing is closed, with streams or without")
    func blocked() {
        var clock = SessionClock()
        clock.noteEmpty(at: at(100))
        clock.takenAt = at(80)
        let end = SessionDeadline(at: at(110), end: .connection)
        #expect(deadline(clock, blocked: true) == end)
        #expect(deadline(clock, blocked: true, empty: false) == end)
        clock.takenAt = at(100)
        #expect(
            deadline(clock, blocked: true, served: false)
                == SessionDeadline(at: at(110), end: .intake))
    }

    @Test("Streams that come and go do not put off the second step of an end")
    func secondStep() {
        var clock = SessionClock()
        clock.begin(.lastRequests, at: at(100))
        clock.noteEmpty(at: at(900))
        let wait = DataPlaneLimits.drainFirstRequestMilliseconds
        let end = SessionDeadline(at: at(100 + wait), end: .intake)
        #expect(deadline(clock) == end)
        #expect(deadline(clock, empty: false) == end)
    }

    @Test("After the second step what is open may end, and then little time is left")
    func lastStep() {
        var clock = SessionClock()
        clock.begin(.lastStreams, at: at(100))
        #expect(deadline(clock, empty: false) == nil)
        let wait = DataPlaneLimits.lingerMilliseconds
        #expect(deadline(clock) == SessionDeadline(at: at(100 + wait), end: .connection))
        clock.noteEmpty(at: at(500))
        #expect(deadline(clock) == SessionDeadline(at: at(500 + wait), end: .connection))
    }
}
