import Testing
import Transport

private let millisecond: UInt64 = 1_000_000
private let tick = 4 * millisecond

@Suite("Timers")
struct TimerWheelTests {
    private func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test("A timer is due once, never early and at most a tick late")
    func once() {
        var wheel = TimerWheel(now: at(17))
        let timer = wheel.make(owner: 42)
        wheel.set(timer, at: at(10 * millisecond))
        #expect(wheel.popDue(now: at(10 * millisecond - 1)) == nil)
        #expect(wheel.popDue(now: at(10 * millisecond + tick)) == 42)
        #expect(wheel.popDue(now: at(10 * millisecond + 10 * tick)) == nil)
        #expect(wheel.millisecondsUntilNext(now: at(100 * millisecond)) == -1)
    }

    @Test("A deadline that has passed is due at once")
    func past() {
        var wheel = TimerWheel(now: at(500 * millisecond))
        let timer = wheel.make(owner: 1)
        wheel.set(timer, at: at(0))
        #expect(wheel.millisecondsUntilNext(now: at(500 * millisecond)) == 0)
        #expect(wheel.popDue(now: at(500 * millisecond)) == 1)
    }

    @Test("Moved, cancelled and freed timers keep to their last word")
    func moves() {
        var wheel = TimerWheel(now: at(0))
        let timers = (0..<5 as Range<UInt64>).map { wheel.make(owner: $0) }
        for timer in timers { wheel.set(timer, at: at(100 * millisecond)) }
        wheel.set(timers[0], at: at(20 * millisecond))
        wheel.set(timers[1], at: at(200 * millisecond))
        wheel.cancel(timers[2])
        wheel.free(timers[3])
        #expect(wheel.popDue(now: at(24 * millisecond)) == 0)
        #expect(wheel.popDue(now: at(90 * millisecond)) == nil)
        #expect(wheel.popDue(now: at(104 * millisecond)) == 4)
        #expect(wheel.popDue(now: at(199 * millisecond)) == nil)
        #expect(wheel.popDue(now: at(204 * millisecond)) == 1)
        #expect(wheel.popDue(now: at(10_000 * millisecond)) == nil)
        let again = wheel.make(owner: 9)
        #expect(again == timers[3])
    }

    @Test("A deadline many turns of the wheel away is kept")
    func farAway() {
        var wheel = TimerWheel(now: at(0))
        let hour = 3_600_000 * millisecond
        let timer = wheel.make(owner: 7)
        wheel.set(timer, at: at(hour))
        var now: UInt64 = 0
        while let wait = Optional(wheel.millisecondsUntilNext(now: at(now))), now < hour {
            #expect(wait >= 0 && wait <= 60_000)
            now = min(hour - 1, now + UInt64(max(1, wait)) * millisecond)
            #expect(wheel.popDue(now: at(now)) == nil)
            if now == hour - 1 { now = hour }
        }
        #expect(wheel.popDue(now: at(hour + tick)) == 7)
    }

    @Test("Nothing is lost when the loop was away for longer than a turn of the wheel")
    func longGap() {
        var wheel = TimerWheel(now: at(0))
        for owner in 0..<2000 as Range<UInt64> {
            let timer = wheel.make(owner: owner)
            wheel.set(timer, at: at(owner * 100 * millisecond))
        }
        var due: Set<UInt64> = []
        let now = 150_000 * millisecond
        while let owner = wheel.popDue(now: at(now)) { due.insert(owner) }
        #expect(due == Set(0...1500))
        while let owner = wheel.popDue(now: at(now * 2)) { due.insert(owner) }
        #expect(due == Set(0..<2000))
    }

    @Test("Storms agree with a plain list of deadlines", arguments: 1...24 as ClosedRange<UInt64>)
    func storm(seed: UInt64) {
        var storm = TimerStorm(seed: seed)
        for _ in 0..<400 {
            for _ in 0..<Int.random(in: 0...12, using: &storm.random) { storm.act() }
            storm.letTimePass()
            if let fault = storm.drain() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
        #expect(storm.fired > 200)
    }

    @Test(
        "A loop that sleeps as long as it is told to wakes for each deadline in time",
        arguments: 1...20 as ClosedRange<UInt64>)
    func sleeper(seed: UInt64) {
        var storm = TimerStorm(seed: seed)
        for _ in 0..<200 { storm.act() }
        var turns = 0
        while storm.sleepAsTold() {
            turns += 1
            if let fault = storm.drain() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
        #expect(turns < 2000)
        #expect(storm.deadlines.isEmpty)
    }
}

/// A wheel beside a plain list of deadlines.
private struct TimerStorm: ~Copyable {
    var random: Seeded
    var deadlines: [UInt64: UInt64] = [:]
    var fired = 0
    private var wheel: TimerWheel
    private var timers: [UInt64: TimerWheel.Timer] = [:]
    private var owners: [UInt64] = []
    private var now: UInt64
    private var nextOwner: UInt64 = 0

    init(seed: UInt64) {
        random = Seeded(seed)
        now = UInt64.random(in: 0...(1 << 50), using: &random)
        wheel = TimerWheel(now: Instant(nanoseconds: now))
    }

    mutating func act() {
        let owner = owners.randomElement(using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...1: make()
        case 2...7: if let owner { set(owner) }
        case 8: if let owner { cancel(owner) }
        default: if let owner { free(owner) }
        }
    }

    private mutating func make() {
        timers[nextOwner] = wheel.make(owner: nextOwner)
        owners.append(nextOwner)
        set(nextOwner)
        nextOwner += 1
    }

    private mutating func set(_ owner: UInt64) {
        guard let timer = timers[owner] else { return }
        let spans: [UInt64] = [0, 1, 10, 300, 4_000, 32_768, 32_772, 70_000, 4_000_000]
        let span = spans.randomElement(using: &random)! * millisecond
        let deadline = now + UInt64.random(in: 0...span, using: &random)
        wheel.set(timer, at: Instant(nanoseconds: deadline))
        deadlines[owner] = deadline
    }

    private mutating func cancel(_ owner: UInt64) {
        guard let timer = timers[owner] else { return }
        wheel.cancel(timer)
        deadlines[owner] = nil
    }

    private mutating func free(_ owner: UInt64) {
        guard let timer = timers.removeValue(forKey: owner) else { return }
        wheel.free(timer)
        owners.removeAll { $0 == owner }
        deadlines[owner] = nil
    }

    mutating func letTimePass() {
        let steps: [UInt64] = [0, 1, 3, 20, 20, 20, 400, 32_768, 100_000]
        let step = steps.randomElement(using: &random)! * millisecond
        now += UInt64.random(in: 0...step, using: &random)
    }

    /// False when nothing is armed any more.
    mutating func sleepAsTold() -> Bool {
        let wait = wheel.millisecondsUntilNext(now: Instant(nanoseconds: now))
        guard wait >= 0 else { return false }
        now += UInt64(wait) * millisecond
        return true
    }

    /// Takes what is due, and says what is wrong with it.
    mutating func drain() -> String? {
        while let owner = wheel.popDue(now: Instant(nanoseconds: now)) {
            guard let deadline = deadlines.removeValue(forKey: owner) else {
                return "\(owner) came though it was not armed"
            }
            if deadline > now { return "\(owner) came \(deadline - now) ns early" }
            fired += 1
        }
        for (owner, deadline) in deadlines where deadline + tick <= now {
            return "\(owner) is \(now - deadline) ns late"
        }
        return oversleeps()
    }

    private func oversleeps() -> String? {
        guard let next = deadlines.values.min() else { return nil }
        let wait = wheel.millisecondsUntilNext(now: Instant(nanoseconds: now))
        if wait < 0 { return "sleeps for ever with a timer armed" }
        let wake = now + UInt64(wait) * millisecond
        return wake > next + tick + millisecond ? "would sleep \(wake - next) ns too long" : nil
    }
}
