/// Up to 64 bytes of ASCII in place, for values that are made once and written often.
struct ShortText: Sendable, BitwiseCopyable {
    static let capacity = 64
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private(set) var count = 0

    /// What does not fit is cut off.
    mutating func append(_ byte: UInt8) {
        guard count < ShortText.capacity else { return }
        bytes[count] = byte
        count &+= 1
    }

    mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { unsafe append(text.utf8Start[index]) }
    }

    /// Appends lower-case hexadecimal digits, the last `digits` of the number.
    mutating func append(hexadecimal number: UInt64, digits: Int) {
        var shift = (digits &- 1) &* 4
        while shift >= 0 {
            append((UInt8(truncatingIfNeeded: number &>> UInt64(shift)) & 15).hexDigit)
            shift &-= 4
        }
    }

    /// Appends all 16 hexadecimal digits of the number, eight at a time.
    mutating func appendAll(hexadecimal number: UInt64) {
        append(eight: ShortText.digits(of: UInt32(truncatingIfNeeded: number >> 32)))
        append(eight: ShortText.digits(of: UInt32(truncatingIfNeeded: number)))
    }

    /// The eight digits of a number, the first in the lowest byte: each four bits are spread to a
    /// byte of their own, and all bytes are turned into digits together.
    private static func digits(of number: UInt32) -> UInt64 {
        var spread = UInt64(number.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff
        spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff
        spread = (spread >> 4 | spread << 8) & 0x0f0f_0f0f_0f0f_0f0f
        let letters = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    private mutating func append(eight text: UInt64) {
        guard count <= ShortText.capacity - 8 else { return }
        var span = bytes.mutableSpan
        unsafe span.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: text.littleEndian, toByteOffset: count, as: UInt64.self)
        }
        count &+= 8
    }

    mutating func append(decimal number: UInt8) {
        if number >= 100 { append(0x30 &+ number / 100) }
        if number >= 10 { append(0x30 &+ number / 10 % 10) }
        append(0x30 &+ number % 10)
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(first: count) }
    }
}

extension ShortText: CustomStringConvertible {
    var description: String { String(decoding: (0..<count).map { bytes[$0] }, as: UTF8.self) }
}
