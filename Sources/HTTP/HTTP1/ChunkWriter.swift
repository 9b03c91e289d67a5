/// Writes chunk framing around the pieces of a body whose length is not known (RFC 9112 §7.1).
///
/// A piece of `count` bytes, at least one, goes out as `header(for: count)`, the bytes, `lineEnd`;
/// the body ends with `terminator`.
public enum ChunkWriter {
    /// The most that `header` writes.
    public static let headerBytesMaximum = 18
    /// Follows the bytes of each piece.
    public static let lineEnd: StaticString = "\r\n"
    /// The last chunk and an empty trailer section.
    public static let terminator: StaticString = "0\r\n\r\n"

    /// Writes the size line of a chunk at the front of `space` and returns its bytes; 0 when
    /// `space` is too small.
    public static func header(for count: Int, into space: inout MutableSpan<UInt8>) -> Int {
        var writer = HeadWriter(&space)
        writer.append(hexadecimal: UInt64(count))
        writer.append(lineEnd)
        return writer.written ?? 0
    }

    /// Writes the line end after a chunk's data; returns 2, or 0 when `space` is too small.
    public static func lineEnd(into space: inout MutableSpan<UInt8>) -> Int {
        write(lineEnd, into: &space)
    }

    /// Writes the end of the body; returns 5, or 0 when `space` is too small.
    public static func terminator(into space: inout MutableSpan<UInt8>) -> Int {
        write(terminator, into: &space)
    }

    private static func write(_ text: StaticString, into space: inout MutableSpan<UInt8>) -> Int {
        var writer = HeadWriter(&space)
        writer.append(text)
        return writer.written ?? 0
    }
}
