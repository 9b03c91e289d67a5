/// Version 1 of the PROXY protocol: one line of text.
enum ProxyText {
    private static let space = UInt8(ascii: " ")

    static func read(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        guard let end = try endOfLine(bytes) else { return nil }
        var words = Words(bytes: bytes, end: end)
        guard words.take("PROXY") else { throw .malformedLine }
        // What follows UNKNOWN is nobody's business.
        if words.take("UNKNOWN") { return ProxyHeader(byteCount: end + 2, addresses: nil) }
        let isIPv4 = words.take("TCP4")
        guard isIPv4 || words.take("TCP6") else { throw .malformedLine }
        let client = try address(words.next(), isIPv4: isIPv4)
        let server = try address(words.next(), isIPv4: isIPv4)
        let clientPort = try port(words.next())
        let serverPort = try port(words.next())
        guard words.isAtEnd else { throw .malformedLine }
        return ProxyHeader(
            byteCount: end + 2,
            addresses: ProxyHeader.Addresses(
                client: client.withPort(clientPort), server: server.withPort(serverPort)))
    }

    /// Where the CRLF is; nil if it may still come.
    private static func endOfLine(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> Int? {
        let beginning: StaticString = "PROXY "
        for index in 0..<min(beginning.utf8CodeUnitCount, bytes.count)
        where bytes[index] != beginning.byte(at: index) {
            throw .missing
        }
        for index in 0..<min(ProxyHeader.textBytesMaximum, bytes.count) {
            let byte = bytes[index]
            if byte == 13 {
                guard index + 1 < bytes.count else { break }
                guard bytes[index + 1] == 10 else { throw .malformedLine }
                return index
            }
            guard byte >= 0x20, byte < 0x7f else { throw .malformedLine }
        }
        guard bytes.count < ProxyHeader.textBytesMaximum else { throw .lineTooLong }
        return nil
    }

    private static func address(
        _ word: [UInt8], isIPv4: Bool
    ) throws(ProxyHeaderError) -> SocketAddress {
        guard word.contains(UInt8(ascii: ":")) != isIPv4, word.first != UInt8(ascii: "["),
            let address = SocketAddress(numeric: String(decoding: word, as: UTF8.self), port: 0)
        else { throw .malformedAddress }
        return address
    }

    private static func port(_ word: [UInt8]) throws(ProxyHeaderError) -> UInt16 {
        let isCanonical = word.first != UInt8(ascii: "0") || word.count == 1
        guard isCanonical, word.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let port = UInt16(String(decoding: word, as: UTF8.self))
        else { throw .malformedPort }
        return port
    }

    /// The words of the line, each with one space before the next.
    private struct Words: ~Escapable {
        let bytes: Span<UInt8>
        let end: Int
        private var position = 0

        @_lifetime(copy bytes)
        init(bytes: Span<UInt8>, end: Int) {
            self.bytes = bytes
            self.end = end
        }

        var isAtEnd: Bool { position > end }

        /// Steps over `word` if it comes next.
        mutating func take(_ word: StaticString) -> Bool {
            let after = position + word.utf8CodeUnitCount
            guard after <= end, after == end || bytes[after] == ProxyText.space else {
                return false
            }
            for index in 0..<word.utf8CodeUnitCount
            where bytes[position + index] != word.byte(at: index) {
                return false
            }
            position = after + 1
            return true
        }

        /// Empty if there is none.
        mutating func next() -> [UInt8] {
            var word: [UInt8] = []
            while position < end, bytes[position] != ProxyText.space {
                word.append(bytes[position])
                position += 1
            }
            position += 1
            return word
        }
    }
}

extension StaticString {
    /// The byte at `index`, which must be within.
    func byte(at index: Int) -> UInt8 {
        precondition(index >= 0 && index < utf8CodeUnitCount)
        return unsafe utf8Start[index]
    }
}
