internal import HTTP
internal import Transport

/// Writes one span as OTLP has it in JSON: ids in hexadecimal, 64-bit numbers as strings,
/// enumerations as numbers. A comma and a line end follow, so that spans can be put together as
/// they are; no line end stands inside.
struct SpanLine {
    /// The most of one value that is written.
    static let valueBytesMaximum = 1_024
    private var line: LogLine
    private var isFirst = true

    /// `SpanKind` of opentelemetry/proto/trace/v1.
    enum Kind: Int {
        case server = 2
        case client = 3
    }

    init(_ space: Buffer) { line = LogLine(space) }

    mutating func begin(trace: Span<UInt8>, id: UInt64, parent: UInt64) {
        line.field("traceId", bytes: trace)
        line.field("spanId", hexadecimal: id)
        if parent != 0 { line.field("parentSpanId", hexadecimal: parent) }
    }

    mutating func state(_ state: Span<UInt8>) {
        if !state.isEmpty { line.field("traceState", bytes: SpanLine.cut(state)) }
    }

    /// With the flags: sampled, and whether the parent is somebody else's.
    mutating func kind(_ kind: Kind, isParentRemote: Bool) {
        line.field("flags", isParentRemote ? 0x301 : 0x101)
        line.field("kind", kind.rawValue)
    }

    /// The method, which is the only thing about a request that has few values.
    mutating func name(_ method: Method, _ head: Span<UInt8>) {
        if method == .other {
            line.field("name", word: "HTTP")
        } else {
            line.field("name", bytes: HeadText.method(head))
        }
    }

    /// Nanoseconds since 1970.
    mutating func times(_ start: UInt64, _ end: UInt64) {
        line.field("startTimeUnixNano", quoted: Int(clamping: start))
        line.field("endTimeUnixNano", quoted: Int(clamping: max(start, end)))
    }

    mutating func beginAttributes() {
        line.begin("attributes")
        line.put("[")
    }

    /// Ends the attributes and the span.
    mutating func finish(_ outcome: SpanOutcome) -> Buffer {
        line.put(outcome.isError ? "],\"status\":{\"code\":2}" : "]")
        line.put("},\n")
        return line.written
    }

    mutating func attribute(_ key: StaticString, bytes: Span<UInt8>) {
        begin(key, "stringValue\":\"")
        line.escape(SpanLine.cut(bytes))
        line.put("\"}}")
    }

    mutating func attribute(_ key: StaticString, word: StaticString) {
        begin(key, "stringValue\":\"")
        line.put(word)
        line.put("\"}}")
    }

    mutating func attribute(_ key: StaticString, _ number: Int) {
        begin(key, "intValue\":\"")
        line.put(number)
        line.put("\"}}")
    }

    mutating func attribute(_ key: StaticString, _ text: String) {
        attribute(key, bytes: text.utf8.span)
    }

    mutating func attribute(_ key: StaticString, _ address: AddressText) {
        attribute(key, bytes: address.bytes)
    }

    mutating func attribute(_ key: StaticString, _ id: RequestID) {
        attribute(key, bytes: id.bytes)
    }

    private mutating func begin(_ key: StaticString, _ kind: StaticString) {
        line.put(isFirst ? "{\"key\":\"" : ",{\"key\":\"")
        isFirst = false
        line.put(key)
        line.put("\",\"value\":{\"")
        line.put(kind)
    }

    /// A long value is cut, so that the others have room in any case.
    @_lifetime(copy bytes)
    private static func cut(_ bytes: Span<UInt8>) -> Span<UInt8> {
        bytes.extracting(first: valueBytesMaximum)
    }
}

/// What takes more than one value.
extension SpanLine {
    /// One that is not among the known ones could have any value.
    mutating func method(_ method: Method, _ head: Span<UInt8>) {
        guard method == .other else {
            return attribute("http.request.method", bytes: HeadText.method(head))
        }
        attribute("http.request.method", word: "_OTHER")
        attribute("http.request.method_original", bytes: HeadText.method(head))
    }

    /// Whom the client asked for, with a port or without.
    mutating func host(_ host: Span<UInt8>) {
        guard !host.isEmpty else { return }
        let end = SpanLine.endOfHost(host)
        attribute("server.address", bytes: SpanLine.withoutBrackets(host.extracting(0..<end)))
        if let port = SpanLine.port(host, behind: end) { attribute("server.port", port) }
    }

    /// Where an attempt went: as the server that was asked, and as the other end of the connection.
    mutating func replicaAddress(_ text: Span<UInt8>) {
        let end = SpanLine.endOfHost(text)
        let address = SpanLine.withoutBrackets(text.extracting(0..<end))
        attribute("server.address", bytes: address)
        attribute("network.peer.address", bytes: address)
        guard let port = SpanLine.port(text, behind: end) else { return }
        attribute("server.port", port)
        attribute("network.peer.port", port)
    }

    mutating func fullURL(_ scheme: StaticString, _ address: Span<UInt8>, _ path: Span<UInt8>) {
        begin("url.full", "stringValue\":\"")
        line.put(scheme)
        line.escape(SpanLine.cut(address))
        line.escape(SpanLine.cut(path))
        line.put("\"}}")
    }

    /// weir's reason, or else the status; nothing if all went well.
    mutating func error(_ outcome: SpanOutcome, status: Int) {
        if let failure = outcome.failure {
            attribute("error.type", word: failure.word)
        } else if outcome.isError {
            begin("error.type", "stringValue\":\"")
            line.put(status)
            line.put("\"}}")
        }
    }

    /// Where a port or the end follows.
    private static func endOfHost(_ text: Span<UInt8>) -> Int {
        var end = text.count
        while end > 0, text[end - 1] &- 0x30 < 10 { end -= 1 }
        return end > 0 && end < text.count && text[end - 1] == 0x3a ? end - 1 : text.count
    }

    private static func port(_ text: Span<UInt8>, behind end: Int) -> Int? {
        guard end + 1 < text.count, text.count - end <= 6 else { return nil }
        var port = 0
        for index in end + 1..<text.count { port = port * 10 + Int(text[index] &- 0x30) }
        return port
    }

    @_lifetime(copy text)
    private static func withoutBrackets(_ text: Span<UInt8>) -> Span<UInt8> {
        guard text.count > 2, text[0] == 0x5b, text[text.count - 1] == 0x5d else { return text }
        return text.extracting(1..<text.count - 1)
    }
}
