internal import Glibc
internal import Synchronization
internal import Transport

/// When the process began, to say how long it took to listen.
///
/// The kernel tells the start of a process in ticks of 10 ms only. So this is the monotonic clock
/// at the first line of `main`, less the CPU time that the process had used by then: loading and
/// starting a program that is in the page cache waits for nothing, so CPU time is its time.
enum StartTime {
    private static let nanoseconds = Atomic<UInt64>(0)

    /// Called first of all in `main`.
    static func note() {
        var used = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        let before = UInt64(used.tv_sec) * 1_000_000_000 + UInt64(used.tv_nsec)
        nanoseconds.store(Instant.now().nanoseconds - before, ordering: .relaxed)
    }

    /// Milliseconds since then with one decimal, such as `3.1`.
    static func elapsedMilliseconds() -> String {
        let began = Instant(nanoseconds: nanoseconds.load(ordering: .relaxed))
        let tenths = (Instant.now().nanoseconds(since: began) + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
