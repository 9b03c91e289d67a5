internal import CLinux
internal import Glibc

/// Signals as events: blocked in every thread, read from a descriptor by the control loop.
public struct Signals: ~Copyable {
    /// Readable when a signal waits.
    public let descriptor: Descriptor

    /// Blocks `signals` in this thread and in those it starts later, so call it before any thread.
    public init(_ signals: [Int32]) throws(SystemError) {
        descriptor = Descriptor(
            try unsafe check(weir_signalfd(signals, Int32(signals.count)), "signalfd"))
    }

    deinit { descriptor.close() }

    /// The next signal that arrived; nil when there is none.
    public func next() -> Int32? {
        let signal = weir_signalfd_read(descriptor.number)
        return signal > 0 ? signal : nil
    }

    /// Broken connections are reported by results, never by a signal.
    public static func ignoreBrokenPipes() { _ = weir_ignore_sigpipe() }
}
