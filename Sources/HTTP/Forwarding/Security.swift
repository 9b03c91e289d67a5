/// What weir says about TLS in the fields of messages.

extension HeadWriter {
    /// RFC 6797 §6.1.
    mutating func appendHSTS(seconds: Int32) {
        append("Strict-Transport-Security: max-age=")
        append(decimal: Int(seconds))
        append("\r\n")
    }

    /// A byte sequence of RFC 9651 §3.3.5: base64 between colons.
    mutating func append(base64 bytes: Span<UInt8>) {
        append(byte: UInt8(ascii: ":"))
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count &- index)
            var bits: UInt32 = 0
            for offset in 0..<3 {
                bits = bits << 8 | (offset < count ? UInt32(bytes[index &+ offset]) : 0)
            }
            for place in 0..<4 {
                let sextet = UInt8(truncatingIfNeeded: bits >> UInt32(18 &- 6 &* place)) & 63
                append(byte: place <= count ? sextet.base64Digit : UInt8(ascii: "="))
            }
            index &+= 3
        }
        append(byte: UInt8(ascii: ":"))
    }
}

extension UInt8 {
    /// The character of a value below 64 (RFC 4648 §4).
    fileprivate var base64Digit: UInt8 {
        switch self {
        case 0..<26: UInt8(ascii: "A") &+ self
        case 26..<52: UInt8(ascii: "a") &+ self &- 26
        case 52..<62: UInt8(ascii: "0") &+ self &- 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}

extension Span where Element == Field {
    /// The message has a `Strict-Transport-Security` of its own.
    func saysHSTS(_ bytes: Span<UInt8>) -> Bool {
        let name = "strict-transport-security".utf8
        for index in 0..<count where self[index].name.count == name.count {
            var position = Int(self[index].name.start)
            var isSame = true
            for letter in name {
                if bytes[position] | 0x20 != letter { isSame = false }
                position &+= 1
            }
            if isSame { return true }
        }
        return false
    }
}

/// Writes a `Client-Cert` field line (RFC 9440) for the certificate `der` to the front of `space`.
///
/// - Returns: its bytes; nil when it does not fit.
public func writeClientCert(_ der: Span<UInt8>, into space: inout MutableSpan<UInt8>) -> Int? {
    var writer = HeadWriter(&space)
    writer.append("Client-Cert: ")
    writer.append(base64: der)
    writer.append("\r\n")
    return writer.written
}

/// Writes the answer to a request that belongs to https, with a body of its own, to the front of
/// `space`: 308, which keeps method and body (RFC 9110 §15.4.9).
///
/// - Parameters:
///   - host: without a port.
///   - target: path and query.
/// - Returns: its bytes; nil when it does not fit.
public func writeRedirectToHTTPS(
    host: Span<UInt8>, port: UInt16, target: Span<UInt8>, requestID: RequestID, closes: Bool,
    into space: inout MutableSpan<UInt8>
) -> Int? {
    var writer = HeadWriter(&space)
    writer.append("HTTP/1.1 308 Permanent Redirect\r\nLocation: https://")
    writer.append(host)
    if port != 443 {
        writer.append(":")
        writer.append(decimal: Int(port))
    }
    writer.append(target)
    writer.append("\r\nContent-Length: 0\r\nX-Request-ID: ")
    writer.append(requestID.text.span)
    writer.append(closes ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n")
    return writer.written
}
