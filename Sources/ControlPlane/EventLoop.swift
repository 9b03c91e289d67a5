public import Transport

/// The control plane's loop: descriptors and timers, each with a closure to call. One thread.
///
/// Thousands of events a second, not millions, so closures are affordable here; the workers' loop
/// is `DataPlane.Worker`.
public final class EventLoop {
    /// What a registered descriptor is called back with.
    public typealias Handler = (Readiness) -> Void

    private struct Watch {
        var descriptor: Descriptor
        var handler: Handler
    }

    private var poller: Poller
    private var wheel: TimerWheel
    private var watches: [UInt64: Watch] = [:]
    private var tokens: [Descriptor: UInt64] = [:]
    private var actions: [UInt64: (timer: TimerWheel.Timer, action: () -> Void)] = [:]
    private var lastToken: UInt64 = 0
    private var isStopped = false
    /// The time at which the present turn began.
    public private(set) var now: Instant

    public init() throws(SystemError) {
        let now = Instant.now()
        self.now = now
        poller = try Poller()
        wheel = TimerWheel(now: now)
    }

    /// Calls `handler` whenever `descriptor` is ready, level-triggered, until `unwatch`.
    public func watch(
        _ descriptor: Descriptor, _ interest: Readiness, _ handler: @escaping Handler
    ) throws(SystemError) {
        lastToken += 1
        try poller.add(descriptor, interest, token: lastToken)
        watches[lastToken] = Watch(descriptor: descriptor, handler: handler)
        tokens[descriptor] = lastToken
    }

    /// Changes what a watched descriptor is watched for.
    public func rewatch(_ descriptor: Descriptor, _ interest: Readiness) throws(SystemError) {
        guard let token = tokens[descriptor] else { return }
        try poller.modify(descriptor, interest, token: token)
    }

    /// Forgets the descriptor; call it before closing. Events already reported for it are ignored.
    public func unwatch(_ descriptor: Descriptor) {
        guard let token = tokens.removeValue(forKey: descriptor) else { return }
        watches[token] = nil
        poller.remove(descriptor)
    }

    /// A scheduled action, to be cancelled by.
    public struct Scheduled: Hashable, Sendable {
        fileprivate let token: UInt64
    }

    /// Calls `action` once, `milliseconds` from now or a little later.
    @discardableResult
    public func schedule(afterMilliseconds milliseconds: Int, _ action: @escaping () -> Void) -> Scheduled {
        lastToken += 1
        let timer = wheel.make(owner: lastToken)
        wheel.set(timer, at: Instant.now().adding(milliseconds: milliseconds))
        actions[lastToken] = (timer, action)
        return Scheduled(token: lastToken)
    }

    /// The action will not be called; harmless if it already was.
    public func cancel(_ scheduled: Scheduled) {
        guard let entry = actions.removeValue(forKey: scheduled.token) else { return }
        wheel.free(entry.timer)
    }

    /// Runs until `stop`.
    public func run() {
        while !isStopped { turn(milliseconds: -1) }
    }

    /// One turn: waits at most `milliseconds` (negative: until something happens), then serves
    /// every ready descriptor and every due action.
    public func turn(milliseconds: Int32) {
        let untilTimer = wheel.millisecondsUntilNext(now: Instant.now())
        let wait = milliseconds < 0 ? untilTimer : untilTimer < 0 ? milliseconds : min(milliseconds, untilTimer)
        let count = poller.wait(milliseconds: wait)
        now = Instant.now()
        for index in 0..<count {
            let event = poller.event(at: index)
            watches[event.token]?.handler(event.readiness)
        }
        while let token = wheel.popDue(now: now) {
            guard let entry = actions.removeValue(forKey: token) else { continue }
            wheel.free(entry.timer)
            entry.action()
        }
    }

    /// Forgets every descriptor and action, and with their closures whatever these kept alive.
    public func forgetAll() {
        for descriptor in tokens.keys { poller.remove(descriptor) }
        for entry in actions.values { wheel.free(entry.timer) }
        tokens = [:]
        watches = [:]
        actions = [:]
    }

    /// Ends `run` after the present turn.
    public func stop() { isStopped = true }
}
