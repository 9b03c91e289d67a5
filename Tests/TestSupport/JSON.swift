/// A JSON value, read from text. For tests: clear rather than fast.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    public init(_ text: some StringProtocol) throws {
        var reader = JSONReader(text: Array(text.utf8))
        self = try reader.value()
        try reader.end()
    }

    /// The member of that name; `null` where there is none.
    public subscript(name: String) -> JSON {
        if case .object(let members) = self { return members[name] ?? .null }
        return .null
    }

    public subscript(position: Int) -> JSON {
        array.indices.contains(position) ? array[position] : .null
    }

    public var array: [JSON] { if case .array(let items) = self { items } else { [] } }
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var int: Int? { if case .number(let number) = self { Int(number) } else { nil } }

    /// The element of an array whose member `name` is the string `value`.
    public func first(_ name: String, _ value: String) -> JSON {
        array.first { $0[name].string == value } ?? .null
    }
}

private struct JSONReader {
    let text: [UInt8]
    var position = 0

    init(text: [UInt8]) { self.text = text }

    private var byte: UInt8? { position < text.count ? text[position] : nil }

    private func wrong(_ what: String) -> NotInTime {
        let around = text[max(0, position - 40)..<min(text.count, position + 40)]
        return NotInTime(
            "not JSON at byte \(position): \(what) near \(String(decoding: around, as: UTF8.self))")
    }

    private mutating func skipSpace() {
        while let byte, [32, 9, 10, 13].contains(byte) { position += 1 }
    }

    private mutating func take(_ wanted: String) throws {
        for byte in wanted.utf8 {
            guard self.byte == byte else { throw wrong("expected \(wanted)") }
            position += 1
        }
    }

    mutating func end() throws {
        skipSpace()
        if position != text.count { throw wrong("more text") }
    }

    mutating func value() throws -> JSON {
        skipSpace()
        defer { skipSpace() }
        switch byte.map({ Character(UnicodeScalar($0)) }) {
        case "{": return .object(try members())
        case "[": return .array(try items())
        case "\"": return .string(try string())
        case "t": try take("true"); return .bool(true)
        case "f": try take("false"); return .bool(false)
        case "n": try take("null"); return .null
        default: return .number(try number())
        }
    }

    private mutating func items() throws -> [JSON] {
        try take("[")
        var items: [JSON] = []
        skipSpace()
        if byte != UInt8(ascii: "]") {
            items.append(try value())
            while byte == UInt8(ascii: ",") { position += 1; items.append(try value()) }
        }
        try take("]")
        return items
    }

    private mutating func members() throws -> [String: JSON] {
        try take("{")
        var members: [String: JSON] = [:]
        skipSpace()
        if byte != UInt8(ascii: "}") {
            try member(into: &members)
            while byte == UInt8(ascii: ",") { position += 1; try member(into: &members) }
        }
        try take("}")
        return members
    }

    private mutating func member(into members: inout [String: JSON]) throws {
        skipSpace()
        let name = try string()
        skipSpace()
        try take(":")
        members[name] = try value()
    }

    private mutating func number() throws -> Double {
        let start = position
        while let byte, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
        let digits = String(decoding: text[start..<position], as: UTF8.self)
        guard let number = Double(digits) else { throw wrong("a value") }
        return number
    }

    private mutating func string() throws -> String {
        try take("\"")
        var bytes: [UInt8] = []
        while let byte, byte != UInt8(ascii: "\"") {
            guard byte >= 32 else { throw wrong("a control byte in a string") }
            position += 1
            if byte == UInt8(ascii: "\\") { bytes += try escape().utf8 } else { bytes.append(byte) }
        }
        try take("\"")
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func escape() throws -> String {
        guard let byte else { throw wrong("an escape") }
        position += 1
        switch Character(UnicodeScalar(byte)) {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "u":
            let digits = String(
                decoding: text[position..<min(position + 4, text.count)], as: UTF8.self)
            position += 4
            guard let code = UInt32(digits, radix: 16) else { throw wrong("a \\u escape") }
            return UnicodeScalar(code).map { String($0) } ?? "\u{fffd}"
        case let other: return String(other)
        }
    }
}
