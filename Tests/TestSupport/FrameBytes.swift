/// Frames written by hand, so that tests can send what no library would.
public enum FrameBytes {
    public static let preface: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    public static func frame(
        _ kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        let header: [UInt8] = [
            UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), kind, flags,
            UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255),
            UInt8(stream & 255),
        ]
        return header + payload
    }

    /// Literals without indexing and without Huffman coding (RFC 7541 §6.2.2).
    public static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var prefix: [UInt8] = [127]
        while rest >= 128 {
            prefix.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return prefix + [UInt8(rest)] + bytes
    }

    public static func headers(
        _ stream: UInt32, _ fields: [(String, String)], ends: Bool = true
    ) -> [UInt8] {
        frame(1, flags: ends ? 5 : 4, stream: stream, block(fields))
    }

    public static func request(
        _ stream: UInt32 = 1, method: String = "GET", _ more: [(String, String)] = [],
        ends: Bool = true
    ) -> [UInt8] {
        headers(
            stream,
            [
                (":method", method), (":scheme", "http"), (":path", "/a?b"),
                (":authority", "example.com"),
            ] + more, ends: ends)
    }

    public static func data(_ stream: UInt32, _ text: String, ends: Bool = false) -> [UInt8] {
        frame(0, flags: ends ? 1 : 0, stream: stream, Array(text.utf8))
    }

    public static func reset(_ stream: UInt32) -> [UInt8] {
        frame(3, stream: stream, [0, 0, 0, 8])
    }
}
