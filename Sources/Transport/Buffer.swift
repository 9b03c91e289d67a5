/// A handle to a stretch of memory that bytes are received into and sent from.
///
///     base        start            end            capacity
///      | consumed  | bytes to read  | free to fill  |
///
/// The memory belongs to a `BufferPool` (or to whoever called `allocate`); copying the handle
/// copies the positions, not the bytes, so a buffer has one holder at a time.
@safe
public struct Buffer {
    private let base: UnsafeMutablePointer<UInt8>
    public let capacity: Int
    public private(set) var start = 0
    public private(set) var end = 0

    private init(base: UnsafeMutablePointer<UInt8>, capacity: Int) {
        unsafe self.base = base
        self.capacity = capacity
    }

    /// Memory of its own, for a buffer that lives as long as its worker.
    public static func allocate(capacity: Int) -> Buffer {
        unsafe Buffer(base: .allocate(capacity: capacity), capacity: capacity)
    }

    /// Gives the memory back. The handle and all its copies are dead afterwards.
    public func deallocate() { unsafe base.deallocate() }

    public var count: Int { end &- start }
    public var isEmpty: Bool { start == end }
    /// Bytes that can still be filled without compacting.
    public var room: Int { capacity &- end }

    /// The bytes not consumed yet.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = unsafe Span(_unsafeStart: base + start, count: end &- start)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The bytes not consumed yet, to be changed in place.
    public var mutableBytes: MutableSpan<UInt8> {
        @_lifetime(&self)
        mutating get {
            let span = unsafe MutableSpan(_unsafeStart: base + start, count: end &- start)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// The first `count` of the bytes not consumed yet, to be changed in place.
    /// The handle itself does not change.
    @_lifetime(borrow self)
    public func mutablePrefix(_ count: Int) -> MutableSpan<UInt8> {
        precondition(count >= 0 && count <= self.count)
        let span = unsafe MutableSpan(_unsafeStart: base + start, count: count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The free end, to be written to; follow with `commit`.
    public var free: MutableSpan<UInt8> {
        @_lifetime(&self)
        mutating get {
            let span = unsafe MutableSpan(_unsafeStart: base + end, count: capacity &- end)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    var freeStart: UnsafeMutablePointer<UInt8> { unsafe base + end }

    /// The first `count` bytes of the free end now hold data.
    public mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= room)
        end &+= count
    }

    /// The first `count` bytes have been dealt with.
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        start &+= count
        if start == end { clear() }
    }

    /// Cuts the bytes down to the first `count`.
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count)
        end = start &+ count
    }

    /// Forgets all bytes, so that the whole capacity is free.
    public mutating func clear() {
        start = 0
        end = 0
    }

    /// Moves the bytes to the front, so that all free room is at the end.
    public mutating func compact() {
        guard start > 0 else { return }
        unsafe base.update(from: base + start, count: count)
        end = count
        start = 0
    }

    /// Appends as many bytes of `span` as there is room for, and returns that number.
    @discardableResult
    public mutating func append(_ span: Span<UInt8>) -> Int {
        let count = min(span.count, room)
        unsafe span.withUnsafeBufferPointer { source in
            if count > 0, let from = source.baseAddress {
                unsafe freeStart.update(from: from, count: count)
            }
        }
        end &+= count
        return count
    }

    /// Appends constant text, or as much of it as there is room for.
    public mutating func append(_ text: StaticString) {
        append(unsafe Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the byte of `text` at `index`.
    public mutating func append(_ text: StaticString, at index: Int) {
        precondition(index >= 0 && index < text.utf8CodeUnitCount)
        append(unsafe Span(_unsafeStart: text.utf8Start + index, count: 1))
    }
}

/// Equally sized buffers, recycled last in first out. Used by one thread.
///
/// It grows up to its limit and never shrinks; `nil` from `take` is the sign to shed load.
public struct BufferPool: ~Copyable {
    /// The size of each buffer, in bytes.
    public let bufferBytes: Int
    /// The most buffers that may exist at once.
    public var buffersMaximum: Int
    public private(set) var buffersInUse = 0
    private var idle: [Buffer] = []

    public init(bufferBytes: Int, buffersMaximum: Int) {
        self.bufferBytes = bufferBytes
        self.buffersMaximum = buffersMaximum
    }

    deinit {
        for buffer in idle { buffer.deallocate() }
    }

    /// An empty buffer, or nil at the limit.
    public mutating func take() -> Buffer? {
        guard buffersInUse < buffersMaximum else { return nil }
        buffersInUse += 1
        if let buffer = idle.popLast() { return buffer }
        return Buffer.allocate(capacity: bufferBytes)
    }

    /// Takes a buffer back that `take` gave out; its holder forgets it.
    public mutating func give(_ buffer: Buffer) {
        precondition(buffersInUse > 0, "more buffers given back than taken")
        buffersInUse -= 1
        var buffer = buffer
        buffer.clear()
        idle.append(buffer)
    }
}
