internal import Synchronization

/// A queue of plain values from one writing thread to one reading thread, with a fixed capacity.
/// When it is full the value is dropped and counted: a writer never waits.
@safe
public final class BoundedQueue<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Element>
    private let mask: UInt64
    private let head = Atomic<UInt64>(0)
    private let tail = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)

    /// - Parameter capacity: a power of two.
    public init(capacity: Int) {
        precondition(
            capacity > 0 && capacity & (capacity - 1) == 0, "capacity must be a power of two")
        unsafe slots = .allocate(capacity: capacity)
        mask = UInt64(capacity - 1)
    }

    deinit { unsafe slots.deallocate() }

    /// How many values were dropped because the reader was behind.
    public var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Appends; the writing thread only. False when it was full.
    @discardableResult
    public func push(_ element: Element) -> Bool {
        let at = tail.load(ordering: .relaxed)
        if at &- head.load(ordering: .acquiring) > mask {
            dropped.add(1, ordering: .relaxed)
            return false
        }
        unsafe slots[Int(at & mask)] = element
        tail.store(at &+ 1, ordering: .releasing)
        return true
    }

    /// The oldest value; the reading thread only.
    public func pop() -> Element? {
        let at = head.load(ordering: .relaxed)
        guard at != tail.load(ordering: .acquiring) else { return nil }
        let element = unsafe slots[Int(at & mask)]
        head.store(at &+ 1, ordering: .releasing)
        return element
    }
}

/// A stream of bytes from one writing thread to one reading thread, for log lines: whole records or
/// nothing, and never waiting.
@safe
public final class ByteRing: @unchecked Sendable {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let capacity: UInt64
    private let head = Atomic<UInt64>(0)
    private let tail = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)

    /// - Parameter capacity: in bytes, a power of two.
    public init(capacity: Int) {
        precondition(
            capacity > 0 && capacity & (capacity - 1) == 0, "capacity must be a power of two")
        unsafe bytes = .allocate(capacity: capacity)
        self.capacity = UInt64(capacity)
    }

    deinit { unsafe bytes.deallocate() }

    /// How many records were dropped because the reader was behind.
    public var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Whether there is nothing to read; the reading thread only, and right before it goes to
    /// sleep.
    public var isEmpty: Bool {
        head.load(ordering: .relaxed) == tail.load(ordering: .sequentiallyConsistent)
    }

    /// Appends one record whole, or drops and counts it; the writing thread only.
    ///
    /// - Returns: true if the reader had read all before this, so that it may have to be woken.
    public func push(_ record: Span<UInt8>) -> Bool {
        let at = tail.load(ordering: .relaxed)
        let read = head.load(ordering: .acquiring)
        guard at &- read &+ UInt64(record.count) <= capacity else {
            dropped.add(1, ordering: .relaxed)
            return false
        }
        let offset = Int(at & (capacity &- 1))
        let first = min(record.count, Int(capacity) - offset)
        unsafe record.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (bytes + offset).update(from: from, count: first)
            unsafe bytes.update(from: from + first, count: record.count - first)
        }
        tail.store(at &+ UInt64(record.count), ordering: .sequentiallyConsistent)
        // Asked again after the store: the reader may have caught up and seen nothing meanwhile.
        return head.load(ordering: .sequentiallyConsistent) == at
    }

    /// Moves what is there into `buffer` until that is full; the reading thread only.
    public func drain(into buffer: inout Buffer) {
        let at = head.load(ordering: .relaxed)
        var count = Int(tail.load(ordering: .acquiring) &- at)
        var position = at
        while count > 0, buffer.room > 0 {
            let offset = Int(position & (capacity &- 1))
            let piece = min(count, Int(capacity) - offset, buffer.room)
            buffer.append(unsafe Span(_unsafeStart: bytes + offset, count: piece))
            count -= piece
            position &+= UInt64(piece)
        }
        head.store(position, ordering: .sequentiallyConsistent)
    }
}
