/// A cookie of weir's own on its way to the client (RFC 6265 §4.1): for every path, hidden from
/// scripts, and not sent along by other sites' forms.
public struct SetCookie: Sendable, BitwiseCopyable {
    /// A number and a point in front of `tag`.
    public var number: Int?
    /// Sixteen hexadecimal digits.
    public var tag: UInt64
    /// How long the client keeps it; nil: until it is closed.
    public var maxAgeSeconds: Int?

    /// Sixteen digits until the client is closed; what differs is set afterwards.
    public init(tag: UInt64) { self.tag = tag }

    /// The most bytes of a line, its name aside.
    public static let bytesMaximum = 128

    /// Writes the field line at the front of `space`, and returns its bytes; nil when it does not
    /// fit.
    ///
    /// - Parameter name: a token.
    public func write(name: Span<UInt8>, into space: inout MutableSpan<UInt8>) -> Int? {
        var writer = HeadWriter(&space)
        writer.append("Set-Cookie: ")
        writer.append(name)
        writer.append("=")
        if let number {
            writer.append(decimal: number)
            writer.append(".")
        }
        var shift: UInt64 = 64
        while shift > 0 {
            shift &-= 4
            writer.append(byte: (UInt8(truncatingIfNeeded: tag >> shift) & 15).hexDigit)
        }
        writer.append("; Path=/; HttpOnly; SameSite=Lax")
        if let maxAgeSeconds {
            writer.append("; Max-Age=")
            writer.append(decimal: maxAgeSeconds)
        }
        writer.append("\r\n")
        return writer.written
    }
}
