/// Text that is put together piece by piece, in memory of its own that grows as needed.
///
/// A handle: copying it copies no bytes, so it has one holder, who gives the memory back.
@safe
struct TextMemory {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        unsafe base = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    /// Gives the memory back. The handle is dead afterwards.
    func deallocate() { unsafe base.deallocate() }

    /// All that was written.
    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = unsafe Span(_unsafeStart: base, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    mutating func clear() { count = 0 }

    mutating func append(_ bytes: Span<UInt8>) {
        guard bytes.count > 0 else { return }
        makeRoom(for: bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            if let from = source.baseAddress {
                unsafe (base + count).update(from: from, count: source.count)
            }
        }
        count += bytes.count
    }

    mutating func append(_ text: StaticString) {
        append(unsafe Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a stretch of what was written before.
    mutating func append(again range: Range<Int>) {
        precondition(range.upperBound <= count)
        makeRoom(for: range.count)
        unsafe (base + count).update(from: base + range.lowerBound, count: range.count)
        count += range.count
    }

    private mutating func makeRoom(for more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe moved.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = moved
        capacity = larger
    }
}
