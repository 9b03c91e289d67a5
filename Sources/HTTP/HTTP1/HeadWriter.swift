/// A cursor that writes text to the front of a span.
///
/// What does not fit is left out and remembered, so that a caller checks once, at the end.
@safe
public struct HeadWriter: ~Copyable, ~Escapable {
    private let base: UnsafeMutablePointer<UInt8>?
    private let capacity: Int
    /// The bytes written so far.
    public private(set) var count = 0
    /// Something did not fit; what was written is of no use.
    public private(set) var overflows = false

    /// A writer that holds `space` until it is gone.
    @_lifetime(&space)
    public init(_ space: inout MutableSpan<UInt8>) {
        unsafe base = space.withUnsafeMutableBufferPointer { $0.baseAddress }
        capacity = space.count
    }

    /// The bytes written; nil when they did not fit.
    public var written: Int? { overflows ? nil : count }

    /// Appends all of `bytes`.
    public mutating func append(_ bytes: Span<UInt8>) {
        append(bytes, 0, bytes.count)
    }

    /// Appends a part of `bytes`, such as a field line of a head.
    public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
        append(bytes, Int(range.start), range.count)
    }

    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>, _ start: Int, _ length: Int) {
        guard length > 0, let end = unsafe room(for: length) else { return }
        precondition(start >= 0 && length <= bytes.count &- start)
        unsafe bytes.withUnsafeBufferPointer { source in
            if let from = source.baseAddress {
                unsafe end.initialize(from: from + start, count: length)
            }
        }
        count &+= length
    }

    /// Appends a literal; cheap, for its count is known.
    @inline(__always)
    public mutating func append(_ literal: StaticString) {
        let length = literal.utf8CodeUnitCount
        guard let end = unsafe room(for: length) else { return }
        unsafe end.initialize(from: literal.utf8Start, count: length)
        count &+= length
    }

    /// For text that is not on the hot path.
    public mutating func append(text: String) {
        for byte in text.utf8 { append(byte: byte) }
    }

    /// Appends one byte.
    public mutating func append(byte: UInt8) {
        guard let end = unsafe room(for: 1) else { return }
        unsafe end.pointee = byte
        count &+= 1
    }

    /// Appends a number that is not negative in decimal digits.
    public mutating func append(decimal number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(byte: 0x30 &+ UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends lower-case hexadecimal digits without leading zeros.
    public mutating func append(hexadecimal number: UInt64) {
        var shift = number == 0 ? 0 : (63 &- number.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 15
            append(byte: digit.hexDigit)
            shift &-= 4
        }
    }

    /// Where the next byte goes; nil when the next `length` bytes do not fit.
    @inline(__always)
    private mutating func room(for length: Int) -> UnsafeMutablePointer<UInt8>? {
        if length <= capacity &- count, let base = unsafe base { return unsafe base + count }
        overflows = true
        return nil
    }
}

extension UInt8 {
    /// The lower-case digit of a value below 16.
    @inline(__always)
    var hexDigit: UInt8 { self < 10 ? 0x30 &+ self : 0x57 &+ self }
}
