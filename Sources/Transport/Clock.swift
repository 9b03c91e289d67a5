internal import CLinux

/// A point on the monotonic clock, in nanoseconds since an arbitrary start.
public struct Instant: Comparable, Hashable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Reads the clock; costs no system call on usual kernels (vDSO).
    public static func now() -> Instant { Instant(nanoseconds: weir_monotonic_ns()) }

    /// Whole seconds.
    public var seconds: UInt64 { nanoseconds / 1_000_000_000 }
    /// Whole milliseconds.
    public var milliseconds: Int { Int(nanoseconds / 1_000_000) }

    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The point so many milliseconds later; for negative numbers, this one.
    public func adding(milliseconds: Int) -> Instant {
        Instant(nanoseconds: nanoseconds &+ UInt64(max(0, milliseconds)) &* 1_000_000)
    }

    /// Nanoseconds from `earlier` to this; zero if it is in fact later.
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// Whole milliseconds from `earlier` to this; zero if it is in fact later.
    public func milliseconds(since earlier: Instant) -> Int {
        Int(nanoseconds(since: earlier) / 1_000_000)
    }
}

/// The time of day, for logs.
public enum WallClock {
    /// Nanoseconds since 1970, UTC.
    public static func nanoseconds() -> UInt64 { weir_wall_ns() }

    /// RFC 3339 with milliseconds, such as `2026-11-21T06:00:00.123Z`.
    public static func timestamp(nanoseconds: UInt64 = WallClock.nanoseconds()) -> String {
        let milliseconds = nanoseconds / 1_000_000 % 1000
        let padding = milliseconds < 10 ? "00" : milliseconds < 100 ? "0" : ""
        let second = timestamp(seconds: Int64(nanoseconds / 1_000_000_000))
        return "\(second.dropLast()).\(padding)\(milliseconds)Z"
    }

    /// The same in whole seconds since 1970, of any year.
    public static func timestamp(seconds: Int64) -> String {
        // Year, month, day, hour, minute, second, day of the week.
        var parts = InlineArray<7, Int32>(repeating: 0)
        var span = parts.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer {
            unsafe weir_utc(seconds, $0.baseAddress)
        }
        func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(parts[0])-\(two(parts[1]))-\(two(parts[2]))T"
            + "\(two(parts[3])):\(two(parts[4])):\(two(parts[5]))Z"
    }
}

/// Facts about the machine, and wishes of a thread to its kernel.
public enum Machine {
    /// The CPUs this process may run on.
    public static var cpuCount: Int { Int(weir_cpu_count()) }

    /// Raises the soft limit of open files to the hard one and returns it.
    public static func raiseDescriptorLimit() -> Int { Int(max(0, weir_raise_descriptor_limit())) }

    /// Binds the calling thread to one CPU.
    public static func pinThread(to cpu: Int) throws(SystemError) {
        try check(weir_pin_thread(Int32(cpu)), "sched_setaffinity \(cpu)")
    }

    /// Names the calling thread for `ps` and `top`; at most 15 bytes.
    public static func nameThread(_ name: String) { _ = unsafe weir_name_thread(name) }

    /// Random bits from the kernel.
    public static func randomBits() -> UInt64 {
        var bits: UInt64 = 0
        _ = unsafe withUnsafeMutableBytes(of: &bits) { unsafe weir_random($0.baseAddress, 8) }
        return bits
    }
}
