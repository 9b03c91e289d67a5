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
