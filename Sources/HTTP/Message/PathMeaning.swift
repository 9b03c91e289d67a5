/// What a path means, for matching: percent-encoded bytes decoded, dot segments removed.
///
/// Routes must see `/%76%31/x` and `/a/../v1/x` as the replica will, or a route that guards a path
/// could be walked around. What is forwarded stays as received. RFC 3986 §6.2.2.
public enum PathMeaning {
    /// Whether the path could mean another than it spells.
    public static func needsReading(_ path: Span<UInt8>) -> Bool {
        for index in path.indices {
            if path[index] == UInt8(ascii: "%") { return true }
            if path[index] == UInt8(ascii: "."), index > 0, path[index - 1] == UInt8(ascii: "/") {
                return true
            }
        }
        return false
    }

    /// Writes the meaning of `path` at the front of `space`, which is at least as long, and returns
    /// its bytes.
    ///
    /// - Throws: `malformedTarget` for a percent sign without two hexadecimal digits, an encoded NUL,
    ///   and dot segments that lead above the root. The client is answered with 400.
    public static func read(
        _ path: Span<UInt8>, into space: inout MutableSpan<UInt8>
    ) throws(HTTPError) -> Int {
        let decoded = try decode(path, into: &space)
        return try removeDots(&space, count: decoded)
    }

    private static func decode(
        _ path: Span<UInt8>, into space: inout MutableSpan<UInt8>
    ) throws(HTTPError) -> Int {
        var count = 0
        var index = 0
        while index < path.count {
            var byte = path[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 1 < path.count, let high = digit(path[index]),
                    let low = digit(path[index + 1]), high + low > 0
                else { throw .malformedTarget }
                byte = high << 4 | low
                index += 2
            }
            space[count] = byte
            count += 1
        }
        return count
    }

    /// RFC 3986 §5.2.4, in place: each segment is moved to where it belongs, `.` to nowhere, and `..`
    /// takes the one before it along.
    private static func removeDots(
        _ path: inout MutableSpan<UInt8>, count: Int
    ) throws(HTTPError) -> Int {
        let slash = UInt8(ascii: "/")
        var kept = 0
        var start = 0
        while start < count {
            var end = start + 1
            while end < count, path[end] != slash { end += 1 }
            let isLast = end == count
            switch dots(path, start + 1, end) {
            case 1: if isLast { kept = put(slash, &path, kept) }
            case 2:
                guard kept > 0 else { throw .malformedTarget }
                repeat { kept -= 1 } while kept > 0 && path[kept] != slash
                if isLast { kept = put(slash, &path, kept) }
            default:
                for index in start..<end { kept = put(path[index], &path, kept) }
            }
            start = end
        }
        return kept
    }

    private static func put(_ byte: UInt8, _ path: inout MutableSpan<UInt8>, _ at: Int) -> Int {
        path[at] = byte
        return at + 1
    }

    /// 1 or 2 if the segment consists of so many dots, else 0.
    private static func dots(_ path: borrowing MutableSpan<UInt8>, _ start: Int, _ end: Int) -> Int {
        guard end - start == 1 || end - start == 2 else { return 0 }
        for index in start..<end where path[index] != UInt8(ascii: ".") { return 0 }
        return end - start
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
