/// A host with its port, checked (RFC 3986 §3.2, RFC 9110 §7.2).
struct Authority: BitwiseCopyable {
    let whole: ByteRange
    /// Without the port; an IPv6 address with its brackets.
    let host: ByteRange
    var hasPort: Bool { host.end != whole.end }

    /// Throws `invalidHost` unless the range is a name or an address, with or without a port.
    /// An empty one passes.
    init(_ bytes: Span<UInt8>, _ range: ByteRange) throws(HTTPError) {
        whole = range
        let end = Int(range.end)
        let hostEnd = Authority.hostEnd(bytes, Int(range.start), end)
        host = ByteRange(Int(range.start), hostEnd)
        guard hostEnd < end else { return }
        guard bytes[hostEnd] == .colon, !host.isEmpty else { throw .invalidHost }
        var port = 0
        for index in hostEnd &+ 1..<end {
            guard bytes[index].isDigit, port < 6_554 else { throw .invalidHost }
            port = port &* 10 &+ Int(bytes[index] &- 0x30)
        }
        guard port <= 65_535 else { throw .invalidHost }
    }

    /// Where the host ends: at the first byte that cannot belong to it.
    private static func hostEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        guard start < end, bytes[start] == UInt8(ascii: "[") else {
            while index < end, bytes[index].belongs(to: ByteClass.hostName) { index &+= 1 }
            return index
        }
        index &+= 1
        while index < end, bytes[index].belongs(to: ByteClass.address) { index &+= 1 }
        let isClosed = index < end && bytes[index] == UInt8(ascii: "]") && index >= start &+ 3
        return isClosed ? index &+ 1 : start
    }
}
