internal import Transport

/// A worker's records, log lines or spans, on their way to another thread: gathered over one turn
/// of the loop, then put into a ring.
struct RecordBuffer: ~Copyable {
    /// The most that one record takes; longer values are cut.
    static let lineBytesMaximum = 16_384
    private let ring: ByteRing?
    private let wakeup: Wakeup?
    private var lines: Buffer
    /// Records in `lines`.
    private var count = 0
    private var wallOffset: UInt64
    /// Records that found the ring full.
    private(set) var droppedCount: UInt64 = 0

    /// - Parameters:
    ///   - ring: nil: there is nothing to write.
    ///   - wakeup: signalled when the ring was empty.
    init(ring: ByteRing?, wakeup: Wakeup?) {
        self.ring = ring
        self.wakeup = wakeup
        lines = Buffer.allocate(capacity: ring == nil ? 0 : 131_072)
        wallOffset = WallClock.nanoseconds() &- Instant.now().nanoseconds
    }

    deinit { lines.deallocate() }

    var isOn: Bool { ring != nil }

    /// The time of day of a point on the monotonic clock; one clock read a turn is enough that way.
    func wallNanoseconds(at instant: Instant) -> UInt64 { instant.nanoseconds &+ wallOffset }

    /// Where the next record is to be written; follow with `commit`.
    mutating func space() -> Buffer {
        if lines.room < RecordBuffer.lineBytesMaximum { flush() }
        return lines
    }

    /// The record that was written into `space` is done.
    mutating func commit(_ written: Buffer) {
        lines = written
        count &+= 1
    }

    /// Hands the records over. A full ring drops them, and they are counted; a worker never waits.
    mutating func flush() {
        guard let ring, !lines.isEmpty else { return }
        let dropped = ring.droppedCount
        if ring.push(lines.bytes) { wakeup?.signal() }
        if ring.droppedCount != dropped { droppedCount &+= UInt64(count) }
        count = 0
        lines.clear()
        wallOffset = WallClock.nanoseconds() &- Instant.now().nanoseconds
    }
}
