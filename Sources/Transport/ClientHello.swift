/// The beginning of TLS as a client speaks it: the name that it asks for, in the clear, of a
/// connection that is passed on undecrypted (RFC 8446 §4.1.2, RFC 6066 §3).
///
/// Strict and bounded: what is not a well-formed ClientHello, as far as its extensions, is refused.
public struct ClientHello: Equatable, Sendable {
    /// The longest that is looked at, records and all.
    public static let bytesMaximum = 16_384

    /// Where the name is in the message that `read` put together; nil if the client names none.
    /// With encrypted ClientHello (ECH) it is the public name of the outer one.
    public let serverName: Range<Int>?

    /// Reads the ClientHello at the front of `bytes`, which may come in any number of records.
    ///
    /// - Parameter message: where its message is put together; `bytesMaximum` are enough.
    /// - Returns: nil while the bytes are a beginning that may become one.
    /// - Throws: `ClientHelloError` as soon as they cannot.
    public static func read(
        _ bytes: Span<UInt8>, into message: inout Buffer
    ) throws(ClientHelloError) -> ClientHello? {
        message.clear()
        guard try unwrap(bytes, into: &message) else {
            guard bytes.count < bytesMaximum else { throw .tooLong }
            return nil
        }
        var reader = HelloReader(message.bytes)
        return ClientHello(serverName: try reader.readHello())
    }

    /// Puts the message together from its records (RFC 8446 §5.1).
    ///
    /// - Returns: whether it is whole.
    private static func unwrap(
        _ bytes: Span<UInt8>, into message: inout Buffer
    ) throws(ClientHelloError) -> Bool {
        var position = 0
        while true {
            let rest = bytes.extracting(position...)
            guard rest.count > 0 else { return false }
            guard rest[0] == 22 else { throw .noTLS }
            guard rest.count > 1 else { return false }
            guard rest[1] == 3 else { throw .noTLS }
            guard rest.count >= 5 else { return false }
            let length = Int(rest.number16(at: 3))
            guard length > 0, length <= 16_384 else { throw .malformed }
            let part = rest.extracting(5..<min(rest.count, 5 + length))
            guard message.append(part) == part.count else { throw .tooLong }
            if try isWhole(message.bytes) { return true }
            guard part.count == length else { return false }
            position += 5 + length
        }
    }

    private static func isWhole(_ message: Span<UInt8>) throws(ClientHelloError) -> Bool {
        guard message.count > 0 else { return false }
        guard message[0] == 1 else { throw .malformed }
        guard message.count >= 4 else { return false }
        let length = Int(message[1]) << 16 | Int(message.number16(at: 2))
        guard length <= bytesMaximum - 9 else { throw .tooLong }
        // Nothing may follow in the same record: the server has not answered yet.
        guard message.count <= 4 + length else { throw .malformed }
        return message.count == 4 + length
    }
}

/// Why the first bytes of a connection are no ClientHello.
public enum ClientHelloError: Error, Equatable, Sendable {
    case noTLS, malformed, tooLong

    /// For the log.
    public var reason: String {
        switch self {
        case .noTLS: "the client speaks no TLS"
        case .malformed: "malformed ClientHello"
        case .tooLong: "no ClientHello within \(ClientHello.bytesMaximum) bytes"
        }
    }
}

/// A position in the message of a ClientHello.
private struct HelloReader: ~Escapable {
    let bytes: Span<UInt8>
    private var position = 4

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    /// The range of the server name, if there is one.
    mutating func readHello() throws(ClientHelloError) -> Range<Int>? {
        guard try number8() == 3 else { throw .malformed }
        // The other half of the version, and what is random.
        try skip(33)
        guard try vector8().count <= 32 else { throw .malformed }
        let suites = try vector16().count
        guard suites >= 2, suites % 2 == 0 else { throw .malformed }
        let compressions = try vector8()
        guard !compressions.isEmpty else { throw .malformed }
        // TLS 1.2 can do without extensions.
        guard position < bytes.count else { return nil }
        let extensions = try vector16()
        guard extensions.upperBound == bytes.count else { throw .malformed }
        position = extensions.lowerBound
        return try readExtensions()
    }

    private mutating func readExtensions() throws(ClientHelloError) -> Range<Int>? {
        var name: Range<Int>?
        while position < bytes.count {
            let type = try number16()
            let body = try vector16()
            guard type == 0 else { continue }
            guard name == nil else { throw .malformed }
            name = try serverName(in: body)
        }
        return name
    }

    /// One name of the only type there is (RFC 6066 §3).
    private func serverName(in body: Range<Int>) throws(ClientHelloError) -> Range<Int> {
        var reader = HelloReader(bytes.extracting(first: body.upperBound))
        reader.position = body.lowerBound
        let list = try reader.vector16()
        guard list.upperBound == body.upperBound else { throw .malformed }
        reader.position = list.lowerBound
        guard try reader.number8() == 0 else { throw .malformed }
        let name = try reader.vector16()
        guard name.upperBound == list.upperBound, name.count > 0, name.count <= 255 else {
            throw .malformed
        }
        for index in name where !bytes[index].standsInNames { throw .malformed }
        return name
    }

    private mutating func skip(_ count: Int) throws(ClientHelloError) {
        guard bytes.count - position >= count else { throw .malformed }
        position += count
    }

    private mutating func number8() throws(ClientHelloError) -> UInt8 {
        try skip(1)
        return bytes[position - 1]
    }

    private mutating func number16() throws(ClientHelloError) -> UInt16 {
        try skip(2)
        return bytes.number16(at: position - 2)
    }

    /// What a length of one byte says, which is stepped over.
    private mutating func vector8() throws(ClientHelloError) -> Range<Int> {
        let count = Int(try number8())
        try skip(count)
        return position - count..<position
    }

    private mutating func vector16() throws(ClientHelloError) -> Range<Int> {
        let count = Int(try number16())
        try skip(count)
        return position - count..<position
    }
}

extension UInt8 {
    /// Letters, digits, and what else host names are made of.
    fileprivate var standsInNames: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
