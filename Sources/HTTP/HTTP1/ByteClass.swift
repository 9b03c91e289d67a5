/// The classes that a byte may belong to, each one bit of its entry in `byteClasses`.
enum ByteClass {
    /// May stand in a method or a field name: tchar (RFC 9110 §5.6.2).
    static let token: UInt8 = 1
    /// May stand in a host name. Narrower than RFC 3986 §3.2.2: neither sub-delimiters nor percent
    /// encoding, which no name that a client can look up contains.
    static let hostName: UInt8 = 2
    /// May stand in an IPv4 or IPv6 address.
    static let address: UInt8 = 4
    /// May stand in a request id that comes from outside.
    static let requestID: UInt8 = 8
}

/// Constant data, without a lazy initialiser: one row for each sixteen byte values.
let byteClasses: InlineArray<256, UInt8> = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 9, 0, 11, 15, 8,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 12, 0, 0, 8, 0, 0,
    8, 15, 15, 15, 15, 15, 15, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 0, 0, 0, 1, 11,
    1, 15, 15, 15, 15, 15, 15, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 0, 1, 0, 11, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]

extension UInt8 {
    /// Whether the byte belongs to a class of `ByteClass`.
    @inline(__always)
    func belongs(to byteClass: UInt8) -> Bool { byteClasses[Int(self)] & byteClass != 0 }

    @inline(__always)
    var isDigit: Bool { self &- 0x30 < 10 }

    /// The value of a hexadecimal digit; nil for any other byte.
    @inline(__always)
    var hexValue: UInt8? {
        let digit = self &- 0x30
        if digit < 10 { return digit }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0a
    static let carriageReturn: UInt8 = 0x0d
    static let space: UInt8 = 0x20
    static let colon: UInt8 = 0x3a
    static let comma: UInt8 = 0x2c
    static let slash: UInt8 = 0x2f
    static let question: UInt8 = 0x3f
    static let hash: UInt8 = 0x23

    /// Optional white space (RFC 9110 §5.6.3).
    @inline(__always)
    var isBlank: Bool { self == .space || self == .tab }
}
