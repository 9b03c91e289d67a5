/// Checks a chunked body while it passes and drops chunk extensions, in place (RFC 9112 §7.1).
///
/// One value for each body; it holds no bytes, so any split of the body gives the same result.
public struct ChunkedFilter: Sendable, BitwiseCopyable {
    /// What the receiver of the body gets.
    public enum Output: Sendable, BitwiseCopyable {
        /// The chunks as they are, without extensions, and the trailer section.
        case framed
        /// The data only, for receivers that know no chunks: HTTP/1.0.
        case data
        /// The data, and behind it the lines of the trailer section: HTTP/2.
        case dataAndTrailers
    }

    private enum State: BitwiseCopyable {
        case size, chunkExtension, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case lineStart, name, value, lineFeed, lastLineFeed
        case complete
    }

    /// The most that the extensions of one chunk may take, in bytes.
    public static let extensionBytesMaximum = 1_024
    /// The most that a trailer section may take, whichever protocol it comes by.
    public static let trailerBytesMaximum = 8_192
    private static let sizeDigitsMaximum = 16

    private let output: Output
    private let trailerBytesMaximum: Int
    private var state = State.size
    /// Bytes of the present chunk's data that have not passed yet.
    private var remaining: UInt64 = 0
    private var sizeDigits = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    /// How many of the bytes that the last `process` kept are lines of the trailer section; they
    /// are at the end.
    public private(set) var trailerBytesKept = 0
    private var name = FoldedName()
    private var nameCount = 0

    /// - Parameter trailerBytesMaximum: a longer trailer section is refused.
    public init(
        output: Output, trailerBytesMaximum: Int = ChunkedFilter.trailerBytesMaximum
    ) {
        self.output = output
        self.trailerBytesMaximum = trailerBytesMaximum
    }

    /// The last chunk and the trailer section have passed.
    public var isComplete: Bool { state == .complete }

    /// Works through `bytes` in place: what is to be forwarded is slid together at the front.
    ///
    /// `kept` bytes at the front are to be forwarded. `consumed` is `bytes.count`, unless the body
    /// ended inside; the rest is the next message. Throws at the first byte that is wrong; the
    /// caller forwards nothing of `bytes` and closes both sides.
    public mutating func process(
        _ bytes: inout MutableSpan<UInt8>
    ) throws(HTTPError) -> (kept: Int, consumed: Int) {
        var kept = 0
        var index = 0
        trailerBytesKept = 0
        while index < bytes.count, state != .complete {
            if state == .data {
                let count = Int(min(remaining, UInt64(bytes.count &- index)))
                bytes.slide(index, to: kept, count: count)
                kept &+= count
                index &+= count
                passData(count)
                continue
            }
            let byte = bytes[index]
            index &+= 1
            let passes = try step(byte)
            guard passes, output == .framed || keepsTrailer else { continue }
            if output == .dataAndTrailers { trailerBytesKept &+= 1 }
            bytes[kept] = byte
            kept &+= 1
        }
        return (kept, index)
    }

    /// The byte just passed is part of a line of the trailer section.
    private var keepsTrailer: Bool {
        guard output == .dataAndTrailers else { return false }
        return switch state {
        case .name, .value, .lineFeed: true
        case .lineStart: trailerBytes > 0
        default: false
        }
    }

    private mutating func passData(_ count: Int) {
        remaining &-= UInt64(count)
        if remaining == 0 { state = .dataReturn }
    }

    /// Takes one byte of framing; false when it is part of an extension.
    private mutating func step(_ byte: UInt8) throws(HTTPError) -> Bool {
        switch state {
        case .size: return try size(byte)
        case .chunkExtension: return try passExtension(byte)
        case .sizeLineFeed:
            try expect(byte, .lineFeed)
            state = remaining > 0 ? .data : .lineStart
        case .dataReturn:
            try expect(byte, .carriageReturn)
            state = .dataLineFeed
        case .dataLineFeed:
            try expect(byte, .lineFeed)
            (state, sizeDigits, extensionBytes) = (.size, 0, 0)
        case .lineStart, .name, .value, .lineFeed, .lastLineFeed: try trailer(byte)
        case .data, .complete: break
        }
        return true
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(HTTPError) {
        guard byte == expected else { throw .malformedChunk }
    }

    /// Digits, then the end of the line or an extension; no sign, no "0x", no white space.
    private mutating func size(_ byte: UInt8) throws(HTTPError) -> Bool {
        if let digit = byte.hexValue {
            sizeDigits &+= 1
            // More than Int.max would be a negative number to some other parser.
            guard sizeDigits <= ChunkedFilter.sizeDigitsMaximum, remaining >> 59 == 0 else {
                throw .malformedChunk
            }
            remaining = remaining << 4 | UInt64(digit)
            return true
        }
        guard sizeDigits > 0 else { throw .malformedChunk }
        switch byte {
        case .carriageReturn:
            state = .sizeLineFeed
            return true
        case UInt8(ascii: ";"):
            state = .chunkExtension
            return false
        default: throw .malformedChunk
        }
    }

    /// Skips an extension; a line feed alone must not end it, for others may read on
    /// (RFC 9112 §2.2).
    private mutating func passExtension(_ byte: UInt8) throws(HTTPError) -> Bool {
        if byte == .carriageReturn {
            state = .sizeLineFeed
            return true
        }
        extensionBytes &+= 1
        guard !byte.isControl, extensionBytes <= ChunkedFilter.extensionBytesMaximum else {
            throw .malformedChunk
        }
        return false
    }
}

extension ChunkedFilter {
    /// Takes one byte of the trailer section: field lines and a blank line (RFC 9112 §7.1.2).
    private mutating func trailer(_ byte: UInt8) throws(HTTPError) {
        trailerBytes &+= 1
        guard trailerBytes <= trailerBytesMaximum else { throw .headTooLarge }
        switch state {
        case .lineStart where byte == .carriageReturn: state = .lastLineFeed
        case .lineStart:
            (name, nameCount) = (FoldedName(), 0)
            try appendToName(byte)
            state = .name
        case .name where byte == .colon:
            try checkName()
            state = .value
        case .name: try appendToName(byte)
        case .value where byte == .carriageReturn: state = .lineFeed
        case .value: guard !byte.isControl else { throw .malformedTrailer }
        default:
            guard byte == .lineFeed else { throw .malformedTrailer }
            state = state == .lastLineFeed ? .complete : .lineStart
        }
    }

    private mutating func appendToName(_ byte: UInt8) throws(HTTPError) {
        guard byte.belongs(to: ByteClass.token) else { throw .malformedTrailer }
        name.append(byte, at: nameCount)
        nameCount &+= 1
    }

    private func checkName() throws(HTTPError) {
        let id = FieldName(count: nameCount, initial: name.initial, name: name)
        guard !FieldNameSet.forbiddenInTrailers.contains(id) else { throw .malformedTrailer }
    }
}

extension ChunkedFilter {
    /// The same judgement of a trailer section that did not come in chunks.
    ///
    /// - Parameter lines: field lines, without the blank line behind them.
    public static func check(trailers lines: Span<UInt8>) throws(HTTPError) {
        var filter = ChunkedFilter(output: .framed)
        filter.state = .lineStart
        for index in lines.indices { try filter.trailer(lines[index]) }
        try filter.trailer(.carriageReturn)
        try filter.trailer(.lineFeed)
        guard filter.isComplete else { throw .malformedTrailer }
    }
}
