/// Whether the requests of a pool are let through. Samples in, changes out; the time is a
/// parameter, in milliseconds.
///
/// What counts is whether attempts are answered at all: an answer of 500 is one. A connect that was
/// refused says nothing either, since no request has waited for it: probes and holds deal with it.
struct CircuitState: Equatable {
    static let bucketsMaximum = 10

    enum Phase: Equatable, Sendable {
        /// All go.
        case closed
        /// None goes, until then.
        case open(until: Int)
        /// A few go, and decide.
        case trial
    }

    struct Bucket: Equatable {
        var good = 0
        var bad = 0
        /// Which stretch of time it holds.
        var number = -1
    }

    private(set) var phase = Phase.closed
    /// How often it has opened.
    private(set) var opens = 0
    private var buckets = [Bucket](repeating: Bucket(), count: CircuitState.bucketsMaximum)
    /// Attempts without an answer since the last answer.
    private var run = 0
    private var goodTrials = 0
    /// How often in a row, and when it was closed last.
    private var repeats = 0
    private var closedAt: Int?

    /// Takes what has happened since the last sample.
    ///
    /// - Returns: why the phase is another one now; nil if it is not.
    mutating func take(
        good: Int, bad: Int, _ rules: CircuitConfiguration, now: Int
    ) -> String? {
        switch phase {
        case .closed:
            add(good: good, bad: bad, rules, now)
            guard let cause = evidence(rules, now) else { return nil }
            open(rules, now)
            return cause
        case .open(let end):
            guard now >= end else { return nil }
            phase = .trial
            goodTrials = 0
            return "its time is over"
        case .trial:
            guard bad == 0 else {
                open(rules, now)
                return "a trial was not answered"
            }
            goodTrials += good
            guard goodTrials >= rules.trials else { return nil }
            phase = .closed
            closedAt = now
            forget()
            return "\(goodTrials) trials were answered"
        }
    }

    private mutating func open(_ rules: CircuitConfiguration, _ now: Int) {
        if phase == .closed, let closedAt, now - closedAt >= rules.timeMillisecondsMaximum {
            repeats = 0
        }
        repeats += 1
        opens += 1
        let doubled = rules.timeMilliseconds << min(repeats - 1, 16)
        phase = .open(until: now + min(doubled, rules.timeMillisecondsMaximum))
        forget()
    }

    private mutating func forget() {
        buckets = [Bucket](repeating: Bucket(), count: CircuitState.bucketsMaximum)
        run = 0
    }

    private mutating func add(good: Int, bad: Int, _ rules: CircuitConfiguration, _ now: Int) {
        // Within a sample nobody knows the order: one good answer breaks the run.
        run = good > 0 ? 0 : run + bad
        let number = CircuitState.bucket(rules, now)
        let index = number % buckets.count
        if buckets[index].number != number { buckets[index] = Bucket(number: number) }
        buckets[index].good += good
        buckets[index].bad += bad
    }

    private func evidence(_ rules: CircuitConfiguration, _ now: Int) -> String? {
        if run >= rules.failures { return "\(run) attempts in a row were not answered" }
        let oldest = CircuitState.bucket(rules, now) - buckets.count + 1
        let recent = buckets.filter { $0.number >= oldest }
        let bad = recent.reduce(0) { $0 + $1.bad }
        let total = recent.reduce(bad) { $0 + $1.good }
        guard total >= rules.requests, bad * 100 >= rules.sharePercent * total else { return nil }
        return "\(bad) of \(total) attempts were not answered"
    }

    private static func bucket(_ rules: CircuitConfiguration, _ now: Int) -> Int {
        now / max(1, rules.windowMilliseconds / bucketsMaximum)
    }
}
