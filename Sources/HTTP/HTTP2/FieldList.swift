internal import CNGHTTP2

/// The other way round: the text of a head that weir wrote becomes header fields for libnghttp2.
///
/// What is meant for one hop of HTTP/1.1 stays behind (RFC 9113 §8.2.2); names are put into lower
/// case by libnghttp2, which copies all of them.
@safe
struct FieldList: ~Copyable {
    /// Field lines that there is room for, and pseudo-header fields.
    static let capacity = Fields.capacity + 32
    private static let pseudoMaximum = 5

    private let fields: UnsafeMutableBufferPointer<nghttp2_nv>
    private var count = FieldList.pseudoMaximum
    /// The pseudo-header fields are put before the others when they are known.
    private var first = FieldList.pseudoMaximum
    private(set) var overflows = false

    /// What a request line and fields say that is not a field in HTTP/2.
    private(set) var host = 0..<0
    private(set) var proto = 0..<0
    private(set) var webSocketKey = 0..<0

    init(_ fields: UnsafeMutableBufferPointer<nghttp2_nv>) { unsafe self.fields = fields }

    /// Room for more lines than usual, for the caller to deallocate; nil if there are not so many.
    static func space(
        for lines: Span<UInt8>
    ) -> UnsafeMutableBufferPointer<nghttp2_nv>? {
        var count = pseudoMaximum
        for index in lines.indices where lines[index] == .lineFeed { count += 1 }
        guard count > capacity else { return nil }
        return UnsafeMutableBufferPointer.allocate(capacity: count)
    }

    /// As libnghttp2 wants them: valid while the text is.
    var start: UnsafeMutablePointer<nghttp2_nv>? {
        unsafe fields.baseAddress.map { unsafe $0 + first }
    }
    var fieldCount: Int { count - first }

    /// Takes the lines from `start` to the blank line or the end of `text`.
    mutating func addLines(of text: Span<UInt8>, from start: Int, isUpgrade: Bool) {
        var index = start
        while index < text.count, text[index] != .carriageReturn {
            let nameEnd = text.endOfToken(from: index)
            let valueStart = text.endOfBlanks(from: min(nameEnd + 1, text.count))
            let valueEnd = text.endOfText(from: valueStart)
            let id = FieldName(text, index, nameEnd)
            if passes(id, text, index..<nameEnd, valueStart..<valueEnd, isUpgrade: isUpgrade) {
                append(text, index..<nameEnd, valueStart..<valueEnd, flags: flags(of: id))
            }
            index = valueEnd + 2
        }
    }

    private mutating func passes(
        _ id: FieldName, _ text: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>,
        isUpgrade: Bool
    ) -> Bool {
        switch id {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .http2Settings:
            return false
        case .host:
            host = value
            return false
        case .upgrade:
            proto = value
            return false
        case .te: return text.extracting(value).isTrailers
        case .contentLength: return !isUpgrade
        default: break
        }
        if text.extracting(name).isWebSocketKey {
            webSocketKey = value
            return !isUpgrade
        }
        return !isUpgrade || !text.extracting(name).isWebSocketAccept
    }

    /// What is new each time, or a secret, does not go into the table (RFC 7541 §7.1).
    private func flags(of id: FieldName) -> UInt8 {
        switch id {
        case .authorization, .xRequestID: UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue)
        default: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
        }
    }

    private mutating func append(
        _ text: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>, flags: UInt8
    ) {
        guard unsafe count < fields.count, !name.isEmpty else {
            overflows = true
            return
        }
        unsafe text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe fields[count] = nghttp2_nv(
                name: UnsafeMutablePointer(mutating: base + name.lowerBound),
                value: UnsafeMutablePointer(mutating: base + value.lowerBound),
                namelen: name.count, valuelen: value.count, flags: flags)
        }
        count += 1
    }

    /// Puts a pseudo-header field before all that are there.
    mutating func prepend(_ name: StaticString, _ value: Span<UInt8>) {
        precondition(first > 0)
        first -= 1
        unsafe value.withUnsafeBufferPointer { bytes in
            unsafe fields[first] = nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name.utf8Start),
                value: UnsafeMutablePointer(mutating: bytes.baseAddress ?? name.utf8Start),
                namelen: name.utf8CodeUnitCount, valuelen: bytes.count,
                flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
        }
    }

    mutating func prepend(_ name: StaticString, _ value: StaticString) {
        prepend(name, unsafe Span(_unsafeStart: value.utf8Start, count: value.utf8CodeUnitCount))
    }
}

extension Span where Element == UInt8 {
    fileprivate var isTrailers: Bool { count == 8 && FoldedName(self, 0, count) == "trailers" }

    fileprivate var isWebSocketAccept: Bool {
        count == 20 && FoldedName(self, 0, count) == "sec-websocket-accept"
    }

    /// Where the first line ends, its line end not included.
    var firstLineEnd: Int {
        var index = 0
        while index < count, self[index] != .carriageReturn { index += 1 }
        return index
    }
}
