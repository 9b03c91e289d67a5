/// A word, a number or a sign of Swift code.
struct Token: Sendable {
    var text: String
    /// From 1.
    var line: Int
}

/// Cuts Swift code into tokens. Comments are left out, a string is one token `"`; the code inside
/// its interpolations counts as code.
struct SwiftTokens {
    private(set) var tokens: [Token] = []
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    static func of(_ file: TextFile) -> [Token] {
        var scanner = SwiftTokens(bytes: Array(file.text.utf8))
        scanner.scan(until: nil)
        return scanner.tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func byte(_ offset: Int = 0) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private func starts(with text: String) -> Bool {
        bytes[position...].starts(with: text.utf8)
    }

    /// Reads code up to the end, or up to the parenthesis that closes an interpolation.
    private mutating func scan(until end: UInt8?) {
        var depth = 0
        while let next = byte() {
            if next == UInt8(ascii: "(") { depth += 1 }
            if next == UInt8(ascii: ")") {
                if depth == 0, end == next { return }
                depth -= 1
            }
            if starts(with: "//") {
                while let next = byte(), next != UInt8(ascii: "\n") { advance() }
            } else if starts(with: "/*") {
                skipBlockComment()
            } else if let hashes = stringStart() {
                tokens.append(Token(text: "\"", line: line))
                scanString(hashes: hashes)
            } else if Self.isWord(next) {
                scanWord()
            } else {
                if next > 32 { append(String(UnicodeScalar(next))) }
                advance()
            }
        }
    }

    private mutating func append(_ text: String) { tokens.append(Token(text: text, line: line)) }

    private mutating func scanWord() {
        let start = position
        while let next = byte(), Self.isWord(next) { position += 1 }
        append(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), 128...: true
        default: false
        }
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                advance(2)
            } else if starts(with: "*/") {
                depth -= 1
                advance(2)
            } else {
                advance()
            }
        } while depth > 0 && position < bytes.count
    }

    /// The number of `#` before a quote, if a string starts here.
    private func stringStart() -> Int? {
        var hashes = 0
        while byte(hashes) == UInt8(ascii: "#") { hashes += 1 }
        return byte(hashes) == UInt8(ascii: "\"") ? hashes : nil
    }

    private mutating func scanString(hashes: Int) {
        advance(hashes)
        let mark = String(repeating: "#", count: hashes)
        let quote = starts(with: "\"\"\"") ? "\"\"\"" : "\""
        advance(quote.count)
        while position < bytes.count {
            if starts(with: quote + mark) {
                advance(quote.count + hashes)
                return
            }
            if starts(with: "\\\(mark)(") {
                advance(hashes + 2)
                scan(until: UInt8(ascii: ")"))
                advance()
            } else if starts(with: "\\\(mark)") {
                advance(hashes + 2)
            } else if quote.count == 1, byte() == UInt8(ascii: "\n") {
                return
            } else {
                advance()
            }
        }
    }
}
