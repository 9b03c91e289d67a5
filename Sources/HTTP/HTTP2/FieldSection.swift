/// The fields of one HTTP/2 header block on their way to the text of an HTTP/1.1 head, which is the
/// form that everything else in weir reads (RFC 9113 §8.2 and §8.3).
///
/// libnghttp2 has decoded the block and knows what HTTP/2 forbids; whatever could mean something
/// else in text is refused here once more, and the parser of HTTP/1.1 judges the result.
struct FieldSection {
    enum Kind { case request, response, trailers }

    /// The default of `bytesMaximum`, and how far beyond it a block is a flood.
    static let bytesMaximum = 32_768
    static let floodFactor = 4

    private(set) var kind = Kind.request
    private var text = TextMemory(capacity: 2_048)
    private var cookies = TextMemory(capacity: 256)
    /// The size of the list as RFC 9113 §6.5.2 counts it.
    private var listBytes = 0
    var bytesMaximum = FieldSection.bytesMaximum
    private var method = 0..<0
    private var path = 0..<0
    private var authority = 0..<0
    private var proto = 0..<0
    private(set) var status = 0
    /// Where the head begins: behind what the pseudo-header fields said.
    private var start = 0
    private var hasBegun = false
    private var hasLength = false
    /// The length that the message says its body has; -1 if it says none that can be read.
    private(set) var announced = -1
    private(set) var hasStatus = false

    func deallocate() {
        text.deallocate()
        cookies.deallocate()
    }

    /// More than the list may hold; the text is of no use.
    var isTooLarge: Bool { listBytes > bytesMaximum }
    /// So much more that reading on is a waste.
    var isFlood: Bool { listBytes > bytesMaximum * FieldSection.floodFactor }
    /// A request that asks for another protocol on its stream (RFC 8441 §4).
    var asksForTunnel: Bool { !proto.isEmpty }

    /// The head as text, or the lines of the trailer section.
    var head: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span.extracting(start...) }
    }

    mutating func begin(_ kind: Kind) {
        self.kind = kind
        text.clear()
        cookies.clear()
        (listBytes, start, status) = (0, 0, 0)
        (method, path, authority, proto) = (0..<0, 0..<0, 0..<0, 0..<0)
        hasBegun = kind == .trailers
        (hasLength, hasStatus) = (false, false)
        announced = -1
    }

    /// Takes one field; false if the message is malformed (RFC 9113 §8.1.1).
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        listBytes += name.count + value.count + 32
        guard !isTooLarge else { return true }
        guard name.count > 0, value.endOfText(from: 0) == value.count else { return false }
        if name[0] == .colon { return addPseudo(name, value) }
        guard name.endOfToken(from: 0) == name.count else { return false }
        if !hasBegun { beginFields() }
        return addField(FieldName(name, 0, name.count), name, value)
    }

    private mutating func addPseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        guard !hasBegun, !value.hasBlank else { return false }
        let place = text.count..<text.count + value.count
        switch FoldedName(name, 1, name.count) {
        case "method": method = place
        case "path":
            guard value.count > 0, value[0] == .slash || value.count == 1 else { return false }
            path = place
        case "authority": authority = place
        case "protocol": proto = place
        case "scheme": return value.isWebScheme
        case "status": return addStatus(value)
        default: return false
        }
        text.append(value)
        return true
    }

    private mutating func addStatus(_ value: Span<UInt8>) -> Bool {
        guard value.count == 3 else { return false }
        for index in 0..<3 {
            guard value[index].isDigit else { return false }
            status = status * 10 + Int(value[index] &- 0x30)
        }
        hasStatus = true
        return status >= 100
    }

    private mutating func addField(
        _ id: FieldName, _ name: Span<UInt8>, _ value: Span<UInt8>
    ) -> Bool {
        if kind == .trailers {
            // What may not stand there is dropped (RFC 9110 §6.5.1).
            guard !FieldNameSet.forbiddenInTrailers.contains(id) else { return true }
            appendLine(name, value)
            return true
        }
        switch id {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings:
            return false
        case .host where kind == .request && !authority.isEmpty:
            return text.span.extracting(authority).equalsFolded(value)
        case .cookie where kind == .request:
            if cookies.count > 0 { cookies.append("; ") }
            cookies.append(value)
            return true
        case .contentLength:
            hasLength = true
            announced = value.smallNumber ?? -1
        // What stands for the key in HTTP/1.1 is made by weir.
        case .other where asksForTunnel && name.isWebSocketKey: return true
        default: break
        }
        appendLine(name, value)
        return true
    }

    private mutating func appendLine(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        text.append(name)
        text.append(": ")
        text.append(value)
        text.append("\r\n")
    }

    /// All pseudo-header fields are there: the first line can be written.
    private mutating func beginFields() {
        hasBegun = true
        start = text.count
        if kind == .response, !hasStatus { kind = .trailers }
        guard kind == .request else { return }
        if asksForTunnel { text.append("GET ") } else { append(method, " ") }
        append(path.isEmpty ? authority : path, " HTTP/1.1\r\n")
        if !authority.isEmpty {
            text.append("host: ")
            append(authority, "\r\n")
        }
        if asksForTunnel {
            text.append("connection: upgrade\r\nupgrade: ")
            append(proto, "\r\n")
        }
    }

    private mutating func append(_ range: Range<Int>, _ end: StaticString) {
        text.append(again: range)
        text.append(end)
    }
}

extension FieldSection {
    /// The block of a request is whole; what a request for a WebSocket lacks is added.
    ///
    /// - Parameter webSocketKey: 24 bytes (RFC 6455 §4.1).
    mutating func finishRequest(ends: Bool, webSocketKey: Span<UInt8>) {
        if !hasBegun { beginFields() }
        if cookies.count > 0 {
            text.append("cookie: ")
            text.append(cookies.span)
            text.append("\r\n")
        }
        if asksForTunnel {
            text.append("sec-websocket-key: ")
            text.append(webSocketKey)
            text.append("\r\n")
        } else if !ends, !hasLength {
            text.append("transfer-encoding: chunked\r\n")
        } else if ends, !hasLength, announcesLength {
            text.append("content-length: 0\r\n")
        }
        text.append("\r\n")
    }

    /// Of a method that usually has a body (RFC 9110 §8.6).
    private var announcesLength: Bool {
        let bytes = text.span
        switch Method(bytes, method.lowerBound, method.upperBound) {
        case .post, .put, .patch: return true
        default: return false
        }
    }

    /// The block of a response is whole.
    ///
    /// - Parameter isEmpty: no byte of a body follows, and its length may be told.
    mutating func finishResponse(isEmpty: Bool) {
        if !hasBegun { beginFields() }
        if isEmpty, !hasLength, status >= 200, status != 204, status != 304 {
            text.append("content-length: 0\r\n")
        }
        text.append("\r\n")
        prependStatusLine()
    }

    /// The answer to a request for a tunnel: what HTTP/1.1 says instead (RFC 8441 §5).
    mutating func finishTunnelResponse(accept: Span<UInt8>) {
        if !hasBegun { beginFields() }
        text.append("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ")
        text.append(accept)
        text.append("\r\n\r\n")
        status = 101
        prependStatusLine()
    }

    /// The lines stand at the front; they are put behind the status line.
    private mutating func prependStatusLine() {
        let lines = start..<text.count
        start = text.count
        text.append("HTTP/1.1 ")
        var digits: InlineArray<3, UInt8> = [0, 0, 0]
        digits[0] = 0x30 &+ UInt8(truncatingIfNeeded: status / 100)
        digits[1] = 0x30 &+ UInt8(truncatingIfNeeded: status / 10 % 10)
        digits[2] = 0x30 &+ UInt8(truncatingIfNeeded: status % 10)
        text.append(digits.span)
        text.append(" \r\n")
        text.append(again: lines)
    }
}

extension Span where Element == UInt8 {
    /// Decimal digits, few enough that they cannot overflow.
    fileprivate var smallNumber: Int? {
        guard count > 0, count <= 15 else { return nil }
        var number = 0
        for index in indices {
            guard self[index].isDigit else { return nil }
            number = number * 10 + Int(self[index] &- 0x30)
        }
        return number
    }

    fileprivate var hasBlank: Bool {
        for index in indices where self[index].isBlank { return true }
        return false
    }

    /// weir forwards nothing but these.
    fileprivate var isWebScheme: Bool {
        switch FoldedName(self, 0, count) {
        case "http": count == 4
        case "https": count == 5
        default: false
        }
    }

    var isWebSocketKey: Bool {
        count == 17 && FoldedName(self, 0, count) == "sec-websocket-key"
    }

    fileprivate func equalsFolded(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] | 0x20 != other[index] | 0x20 { return false }
        return true
    }
}
