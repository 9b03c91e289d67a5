internal import CLinux
internal import Synchronization

/// Hands the newest of a series of messages from one thread to another; older unread ones are
/// dropped. This is how snapshots reach a worker: only the latest matters.
///
/// Lock-free. `post` may be called by any thread, `take` by one.
public final class Mailbox<Message: AnyObject & Sendable>: Sendable {
    private let slot = Atomic<UInt>(0)
    /// Becomes readable when a message has been posted. Level-triggered until `take`.
    public let descriptor: Descriptor

    public init() throws(SystemError) {
        descriptor = Descriptor(try check(weir_eventfd(), "eventfd"))
    }

    deinit {
        release(slot.exchange(0, ordering: .acquiring))
        descriptor.close()
    }

    /// Replaces whatever was unread.
    public func post(_ message: Message) {
        let bits = unsafe UInt(bitPattern: Unmanaged.passRetained(message).toOpaque())
        release(slot.exchange(bits, ordering: .acquiringAndReleasing))
        _ = weir_eventfd_signal(descriptor.number)
    }

    /// The newest message, once.
    public func take() -> Message? {
        _ = weir_eventfd_clear(descriptor.number)
        let bits = slot.exchange(0, ordering: .acquiring)
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return nil }
        return unsafe Unmanaged<Message>.fromOpaque(pointer).takeRetainedValue()
    }

    private func release(_ bits: UInt) {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return }
        unsafe Unmanaged<Message>.fromOpaque(pointer).release()
    }
}

/// Wakes a thread that waits in its poller.
public final class Wakeup: Sendable {
    /// Becomes readable by `signal`, and stays so until `clear`.
    public let descriptor: Descriptor

    public init() throws(SystemError) {
        descriptor = Descriptor(try check(weir_eventfd(), "eventfd"))
    }

    deinit { descriptor.close() }

    /// Makes `descriptor` readable; any thread.
    public func signal() { _ = weir_eventfd_signal(descriptor.number) }
    /// Makes `descriptor` unreadable again; the waiting thread.
    public func clear() { _ = weir_eventfd_clear(descriptor.number) }
}
