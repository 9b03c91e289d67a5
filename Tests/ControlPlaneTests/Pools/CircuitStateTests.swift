import TestSupport
import Testing

@testable import ControlPlane

@Suite("The circuit of a pool")
struct CircuitStateTests {
    private let rules = CircuitConfiguration()

    @Test("A run of attempts without an answer opens it; one answer breaks the run")
    func run() {
        var state = CircuitState()
        #expect(state.take(good: 0, bad: 19, rules, now: 0) == nil)
        #expect(state.take(good: 1, bad: 0, rules, now: 200) == nil)
        #expect(state.take(good: 0, bad: 19, rules, now: 400) == nil)
        #expect(state.phase == .closed)
        #expect(
            state.take(good: 0, bad: 1, rules, now: 600)
                == "20 attempts in a row were not answered")
        #expect(state.phase == .open(until: 5_600) && state.opens == 1)
    }

    @Test("A share over the window opens it, once there are enough attempts")
    func share() {
        var state = CircuitState()
        for step in 0..<4 {
            #expect(state.take(good: 6, bad: 6, rules, now: step * 1_000) == nil)
        }
        #expect(
            state.take(good: 1, bad: 1, rules, now: 4_000) == "25 of 50 attempts were not answered")
    }

    @Test("What is older than the window does not count")
    func window() {
        var state = CircuitState()
        #expect(state.take(good: 24, bad: 25, rules, now: 0) == nil)
        #expect(state.take(good: 30, bad: 15, rules, now: 10_000) == nil)
        #expect(state.phase == .closed)
    }

    @Test(
        "When its time is over a few go; enough answers close it, one without opens it for longer")
    func trial() {
        var state = CircuitState()
        _ = state.take(good: 0, bad: 20, rules, now: 0)
        #expect(state.take(good: 0, bad: 3, rules, now: 4_999) == nil)
        #expect(state.take(good: 0, bad: 0, rules, now: 5_000) != nil)
        #expect(state.phase == .trial)
        #expect(state.take(good: 2, bad: 0, rules, now: 5_200) == nil)
        #expect(state.take(good: 0, bad: 1, rules, now: 5_400) == "a trial was not answered")
        #expect(state.phase == .open(until: 15_400))
        _ = state.take(good: 0, bad: 0, rules, now: 15_400)
        #expect(state.take(good: 1, bad: 0, rules, now: 15_600) == nil)
        #expect(state.take(good: 2, bad: 0, rules, now: 15_800) == "3 trials were answered")
        #expect(state.phase == .closed && state.opens == 2)
        // Soon again: longer still. Long after: as the first time.
        _ = state.take(good: 0, bad: 20, rules, now: 16_000)
        #expect(state.phase == .open(until: 36_000))
        _ = state.take(good: 0, bad: 0, rules, now: 36_000)
        _ = state.take(good: 3, bad: 0, rules, now: 36_200)
        _ = state.take(good: 0, bad: 20, rules, now: 100_000)
        #expect(state.phase == .open(until: 105_000))
    }

    @Test("Whatever comes, it is never open for longer than its longest time", arguments: 1...5)
    func storm(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var state = CircuitState()
        var now = 0
        for _ in 0..<50_000 {
            now += Int.random(in: 0...1_000, using: &random)
            let before = state
            let cause = state.take(
                good: Int.random(in: 0...3, using: &random),
                bad: Int.random(in: 0...6, using: &random), rules, now: now)
            #expect((cause != nil) == (state.phase != before.phase))
            if case .open(let end) = state.phase {
                #expect(end - now <= rules.timeMillisecondsMaximum)
            }
        }
        #expect(state.opens > 10)
    }
}
