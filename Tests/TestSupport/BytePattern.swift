import Glibc

/// An endless sequence of bytes with a prime period: a lost, doubled or swapped block shows.
public struct BytePattern: Sendable {
    private static let period = 65_521
    /// One period and one block, so that every block is one slice.
    private static let bytes: [UInt8] = {
        var state: UInt64 = 88_172_645_463_325_252
        let once = (0..<period).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        return once + once + once
    }()

    /// Bytes produced or checked so far.
    public private(set) var position = 0

    public init() {}

    /// The next `count` bytes, at most 65,536.
    public mutating func next(_ count: Int) -> ArraySlice<UInt8> {
        let start = position % BytePattern.period
        position += count
        return BytePattern.bytes[start..<start + count]
    }

    /// The first `count` bytes, at most 65,536.
    public static func first(_ count: Int) -> [UInt8] { Array(bytes[..<count]) }

    /// Whether `bytes` are the first ones.
    public static func isStart(_ bytes: [UInt8]) -> Bool {
        var pattern = BytePattern()
        return pattern.matches(bytes)
    }

    /// Whether `bytes` are the next ones.
    public mutating func matches(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let block = rest.prefix(65_536)
            let expected = next(block.count)
            let difference = unsafe block.withUnsafeBytes { left in
                unsafe expected.withUnsafeBytes { right in
                    unsafe memcmp(left.baseAddress!, right.baseAddress!, left.count)
                }
            }
            if difference != 0 { return false }
            rest = rest.dropFirst(block.count)
        }
        return true
    }
}

extension Wire {
    /// Sends the first `count` bytes of the pattern.
    public func sendPattern(_ count: Int) throws {
        var pattern = BytePattern()
        while pattern.position < count {
            try send(pattern.next(min(65_536, count - pattern.position)))
        }
    }

    /// Reads `count` bytes; true if they are the first ones of the pattern.
    public func readPattern(_ count: Int) throws -> Bool {
        var pattern = BytePattern()
        while pattern.position < count {
            let bytes = try readSome(atMost: count - pattern.position)
            if bytes.isEmpty || !pattern.matches(bytes) { return false }
        }
        return true
    }
}
