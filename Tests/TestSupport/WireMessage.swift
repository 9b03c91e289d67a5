/// An HTTP/1.1 message as a test sees it. Read by rules of its own, not by weir's parser, so that
/// the two can disagree.
public struct WireMessage: Sendable, Equatable {
    public var startLine: String
    public var fields: [Field] = []
    public var body: [UInt8] = []
    public var trailers: [Field] = []

    public struct Field: Sendable, Equatable {
        public let name: String
        public let value: String
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Reads a head without its body.
    public init(head: String) throws {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
        guard !lines.isEmpty else { throw NotInTime("an empty head") }
        startLine = String(lines.removeFirst())
        fields = try lines.map(WireMessage.field)
    }

    static func field(_ line: Substring) throws -> Field {
        guard let colon = line.firstIndex(of: ":") else {
            throw NotInTime("a field line without a colon: \"\(line)\"")
        }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return Field(name: String(line[..<colon]), value: String(value))
    }

    /// Nothing if this is not a response.
    public var status: Int? {
        guard startLine.hasPrefix("HTTP/1.") else { return nil }
        return Int(startLine.split(separator: " ")[1])
    }

    public var method: String { String(startLine.split(separator: " ")[0]) }
    public var target: String { String(startLine.split(separator: " ")[1]) }
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The values of all fields of that name, in order.
    public func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The only value of that name; nothing if there is none or several.
    public subscript(name: String) -> String? {
        let found = values(name)
        return found.count == 1 ? found[0] : nil
    }

    public var isChunked: Bool { values("transfer-encoding").last?.lowercased() == "chunked" }
    public var contentLength: Int? { self["content-length"].flatMap { Int($0) } }
    var endsConnection: Bool { self["connection"]?.lowercased() == "close" }
}

extension Wire {
    /// The head of the next message; nil if the stream ends before its first byte.
    public func readHead() throws -> WireMessage? {
        guard try hasMore() else { return nil }
        return try WireMessage(head: try read(until: "\r\n\r\n"))
    }

    /// The next request with its body; nil if the stream ends instead.
    public func readRequest() throws -> WireMessage? {
        guard var message = try readHead() else { return nil }
        if message.isChunked {
            try readChunks(into: &message)
        } else if let length = message.contentLength {
            message.body = try read(count: length)
        }
        onRequest()
        return message
    }

    /// The next response with its body. Interim responses (1xx) are returned as they come.
    public func readResponse(toMethod method: String = "GET") throws -> WireMessage {
        guard var message = try readHead() else {
            throw NotInTime("the stream ended where a response should be")
        }
        guard let status = message.status else {
            throw NotInTime("not a response: \"\(message.startLine)\"")
        }
        if status < 200 || status == 204 || status == 304 || method == "HEAD" { return message }
        if message.isChunked {
            try readChunks(into: &message)
        } else if let length = message.contentLength {
            message.body = try read(count: length)
        } else {
            message.body = try readToEnd()
        }
        return message
    }

    /// Sends a request head and body, and reads the response to it.
    public func roundTrip(_ request: String) throws -> WireMessage {
        try send(request)
        return try readResponse(toMethod: String(request.prefix { $0 != " " }))
    }

    private func readChunks(into message: inout WireMessage) throws {
        while true {
            let line = try read(until: "\r\n").dropLast(1)
            let digits = line.prefix { $0.isHexDigit }
            guard let size = Int(digits, radix: 16) else {
                throw NotInTime("a chunk size of \"\(line)\"")
            }
            if size == 0 { break }
            message.body += try read(count: size)
            guard try read(count: 2) == [13, 10] else { throw NotInTime("a chunk without its end") }
        }
        while true {
            let line = try read(until: "\r\n").dropLast(1)
            if line.isEmpty { return }
            message.trailers.append(try WireMessage.field(line))
        }
    }
}
