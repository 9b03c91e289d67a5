internal import CLinux

/// What a descriptor is ready for, in the kernel's bits (epoll_ctl(2)). Inlinable, since each event
/// is asked for nearly all of them.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable public static var readable: Readiness { Readiness(rawValue: 0x1) }
    @inlinable public static var writable: Readiness { Readiness(rawValue: 0x4) }
    @inlinable public static var error: Readiness { Readiness(rawValue: 0x8) }
    /// Both directions are closed.
    @inlinable public static var hangup: Readiness { Readiness(rawValue: 0x10) }
    /// The other side has closed its sending direction (FIN).
    @inlinable public static var readHangup: Readiness { Readiness(rawValue: 0x2000) }
    /// Report changes only: whoever registers this reads until a short read.
    @inlinable public static var edgeTriggered: Readiness { Readiness(rawValue: 0x8000_0000) }

    /// What a connection registers once for its whole life.
    public static let connection: Readiness = [.readable, .writable, .readHangup, .edgeTriggered]
}

/// One ready descriptor: the token it was registered with, and what it is ready for.
public struct Event: Sendable {
    public let token: UInt64
    public let readiness: Readiness
}

/// An epoll instance and the memory its events arrive in. Used by one thread.
@safe
public struct Poller: ~Copyable {
    private let descriptor: Descriptor
    private let events: UnsafeMutablePointer<weir_event>
    private let capacity: Int32

    /// - Parameter capacity: the most events that one wait returns.
    public init(capacity: Int = 512) throws(SystemError) {
        descriptor = Descriptor(try check(weir_epoll_create(), "epoll_create1"))
        unsafe events = .allocate(capacity: capacity)
        self.capacity = Int32(capacity)
    }

    deinit {
        descriptor.close()
        unsafe events.deallocate()
    }

    /// Watches `descriptor`; its events carry `token`.
    public func add(
        _ descriptor: Descriptor, _ interest: Readiness, token: UInt64
    ) throws(SystemError) {
        try check(
            weir_epoll_add(self.descriptor.number, descriptor.number, interest.rawValue, token),
            "epoll_ctl add")
    }

    /// Changes what a watched descriptor is watched for, and its token.
    public func modify(
        _ descriptor: Descriptor, _ interest: Readiness, token: UInt64
    ) throws(SystemError) {
        try check(
            weir_epoll_modify(self.descriptor.number, descriptor.number, interest.rawValue, token),
            "epoll_ctl modify")
    }

    /// Stops watching. Closing a descriptor does the same, so this is only for those that live on.
    public func remove(_ descriptor: Descriptor) {
        _ = weir_epoll_remove(self.descriptor.number, descriptor.number)
    }

    /// Waits until something is ready, or for `milliseconds` (negative: for ever).
    ///
    /// - Returns: the number of events, readable by `event(at:)` until the next wait.
    public mutating func wait(milliseconds: Int32) -> Int {
        let count = unsafe weir_epoll_wait(descriptor.number, events, capacity, milliseconds)
        precondition(count >= 0, "epoll_wait failed: only a broken invariant of ours can do that")
        return Int(count)
    }

    /// One event of the last wait.
    public func event(at index: Int) -> Event {
        precondition(index >= 0 && index < Int(capacity))
        let event = unsafe events[index]
        return Event(token: event.token, readiness: Readiness(rawValue: event.ready))
    }
}
