/// A client's address as text, made once for each connection.
public struct AddressText: Sendable, BitwiseCopyable {
    /// For clients without an address, such as those of a Unix socket (RFC 7239 §6.2).
    public static let unknown = AddressText()

    private(set) var text = ShortText()
    let isIPv6: Bool

    private init() {
        isIPv6 = false
        text.append("unknown")
    }

    /// An address from its 16 bytes in host order; IPv4 addresses are IPv6-mapped
    /// (RFC 4291 §2.5.5.2) and written with dots, the others as RFC 5952 §4 has it.
    public init(high: UInt64, low: UInt64) {
        isIPv6 = high != 0 || low >> 32 != 0xffff
        if isIPv6 {
            appendIPv6(high: high, low: low)
        } else {
            appendIPv4(UInt32(truncatingIfNeeded: low))
        }
    }

    /// An address that is text already, without brackets or port; anything else is `unknown`.
    public init(_ address: String) {
        let isAddress = address.utf8.allSatisfy { $0.belongs(to: ByteClass.address) }
        guard isAddress, (2...45).contains(address.utf8.count) else {
            self = .unknown
            return
        }
        isIPv6 = address.utf8.contains(.colon)
        for byte in address.utf8 { text.append(byte) }
    }

    private mutating func appendIPv4(_ address: UInt32) {
        for index in 0..<4 {
            if index > 0 { text.append(UInt8(ascii: ".")) }
            text.append(decimal: UInt8(truncatingIfNeeded: address >> UInt32(24 - index * 8)))
        }
    }

    private mutating func appendIPv6(high: UInt64, low: UInt64) {
        let group = { (index: Int) in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64((3 - index & 3) * 16))
        }
        let zeros = AddressText.longestZeros(group)
        var index = 0
        while index < 8 {
            if index == zeros.lowerBound, !zeros.isEmpty {
                text.append("::")
                index = zeros.upperBound
                continue
            }
            if index > 0, index != zeros.upperBound { text.append(.colon) }
            let value = group(index)
            let digits = value == 0 ? 1 : (19 - value.leadingZeroBitCount) / 4
            text.append(hexadecimal: UInt64(value), digits: digits)
            index += 1
        }
    }

    /// The first of the longest runs of two or more groups of zeros; empty at 0 if there is none.
    private static func longestZeros(_ group: (Int) -> UInt16) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 { start = index + 1 }
            let count = index + 1 - start
            if count >= 2, count > longest.count { longest = start..<index + 1 }
        }
        return longest
    }
}

extension AddressText {
    /// The characters, for a log line.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span }
    }
}

extension AddressText: CustomStringConvertible {
    public var description: String { text.description }
}
