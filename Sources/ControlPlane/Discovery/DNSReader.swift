/// Why bytes are not a DNS message.
struct DNSFormatError: Error, Equatable {
    var text: String
    init(_ text: String) { self.text = text }
}

/// Reads the parts of a DNS message one after another (RFC 1035 §4). Every step is checked.
struct DNSReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    private static let nameBytesMaximum = 255
    private static let jumpsMaximum = 16

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() throws(DNSFormatError) -> UInt8 {
        guard position < bytes.count else { throw DNSFormatError("ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func short() throws(DNSFormatError) -> UInt16 {
        let high = try byte()
        return UInt16(high) << 8 | UInt16(try byte())
    }

    mutating func long() throws(DNSFormatError) -> UInt32 {
        let high = try short()
        return UInt32(high) << 16 | UInt32(try short())
    }

    mutating func eight() throws(DNSFormatError) -> UInt64 {
        let high = try long()
        return UInt64(high) << 32 | UInt64(try long())
    }

    mutating func skip(to end: Int) throws(DNSFormatError) {
        guard end >= position, end <= bytes.count else { throw DNSFormatError("ends too early") }
        position = end
    }

    /// A name in lower case, without the last dot; the root is empty.
    ///
    /// Compression pointers (RFC 1035 §4.1.4) must lead backwards, and only so often, so that no
    /// message can make this loop.
    mutating func name() throws(DNSFormatError) -> String {
        var text: [UInt8] = []
        var cursor = DNSReader(bytes, at: position)
        var afterFirstPointer: Int?
        var jumps = 0
        while true {
            let start = cursor.position
            let length = try cursor.byte()
            if length == 0 { break }
            if length & 0xc0 == 0xc0 {
                let target = Int(length & 0x3f) << 8 | Int(try cursor.byte())
                jumps += 1
                guard target < start, jumps <= DNSReader.jumpsMaximum else {
                    throw DNSFormatError("name pointer loops")
                }
                afterFirstPointer = afterFirstPointer ?? cursor.position
                cursor = DNSReader(bytes, at: target)
            } else {
                try cursor.label(length, into: &text)
            }
        }
        position = afterFirstPointer ?? cursor.position
        return String(decoding: text, as: UTF8.self)
    }

    private init(_ bytes: [UInt8], at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    private mutating func label(_ length: UInt8, into text: inout [UInt8]) throws(DNSFormatError) {
        guard length < 64 else { throw DNSFormatError("unknown label type") }
        guard text.count + Int(length) < DNSReader.nameBytesMaximum else {
            throw DNSFormatError("name longer than 255 bytes")
        }
        if !text.isEmpty { text.append(UInt8(ascii: ".")) }
        for _ in 0..<length {
            let character = try byte()
            guard character > 0x20, character < 0x7f, character != UInt8(ascii: ".") else {
                throw DNSFormatError("name with byte \(character)")
            }
            text.append(character &- 65 < 26 ? character | 0x20 : character)
        }
    }
}
