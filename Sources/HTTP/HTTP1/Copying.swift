// Copies between spans. Each checks its ends before it touches memory.

extension MutableSpan where Element == UInt8 {
    /// Moves `count` bytes at `start` to `target`, which is not behind it.
    @inline(__always)
    mutating func slide(_ start: Int, to target: Int, count length: Int) {
        guard start != target, length > 0 else { return }
        precondition(target >= 0 && target < start && length <= count &- start)
        unsafe withUnsafeMutableBufferPointer { bytes in
            if let base = bytes.baseAddress {
                unsafe (base + target).update(from: base + start, count: length)
            }
        }
    }

    /// Copies the bytes of a range of another span to `target`. Exclusive access to this one means
    /// that the two do not overlap.
    @inline(__always)
    mutating func copy(_ source: Span<UInt8>, _ start: Int, _ length: Int, to target: Int) {
        precondition(
            start >= 0 && length >= 0 && length <= source.count &- start
                && target >= 0 && length <= count &- target)
        unsafe source.withUnsafeBufferPointer { from in
            unsafe withUnsafeMutableBufferPointer { to in
                if let from = from.baseAddress, let to = to.baseAddress {
                    unsafe (to + target).initialize(from: from + start, count: length)
                }
            }
        }
    }

    /// Copies a literal to `target`.
    @inline(__always)
    mutating func copy(_ literal: StaticString, to target: Int) {
        precondition(target >= 0 && literal.utf8CodeUnitCount <= count &- target)
        unsafe withUnsafeMutableBufferPointer { to in
            if let to = to.baseAddress {
                unsafe (to + target).initialize(
                    from: literal.utf8Start, count: literal.utf8CodeUnitCount)
            }
        }
    }
}
