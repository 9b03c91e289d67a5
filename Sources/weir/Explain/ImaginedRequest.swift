internal import Balancing
internal import HTTP

/// A request that nobody sent: what `weir explain` asks the route table about.
struct ImaginedRequest {
    let method: String
    let host: String
    let port: UInt16
    /// Without the query.
    let path: String
    private(set) var head: [UInt8] = []
    private(set) var positions: [FieldPosition] = []

    /// Nil if `url` is not `http://host[:port]/path` or a header is not `name: value`.
    init?(method: String, url: String, headers: [String]) {
        let scheme = "http://"
        guard url.lowercased().hasPrefix(scheme) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" }
        let port = ImaginedRequest.port(of: authority)
        guard !authority.isEmpty, let port else { return nil }
        self.method = method
        self.host = String(authority)
        self.port = port
        self.path = path.isEmpty ? "/" : String(path)
        for header in headers {
            guard append(header) else { return nil }
        }
    }

    /// The position in `routes` of the one that it matches.
    func match(in routes: RouteTable, listenerRow: Int) -> Int? {
        let (host, path, method) = (Array(host.utf8), Array(path.utf8), Array(method.utf8))
        return routes.match(
            RouteRequest(
                listenerRow: listenerRow, host: host.span, path: path.span, method: method.span,
                fields: RequestFields(head: head.span, positions: positions.span)))
    }

    /// What the header or cookie says; nil if the request has none, and for other keys.
    func value(of key: RequestKey) -> String? {
        let fields = positions.map { position in
            let name = ByteRange(start: position.nameStart, end: position.nameEnd)
            let spelling = String(decoding: head[name.indices], as: UTF8.self)
            return Field(
                id: spelling.lowercased() == "cookie" ? .cookie : .other, name: name,
                value: ByteRange(start: position.valueStart, end: position.valueEnd))
        }
        let found: ByteRange? =
            switch key {
            case .clientAddress, .path: nil
            case .header(let name): fields.span.value(Array(name.utf8).span, in: head.span)
            case .cookie(let name): fields.span.cookie(Array(name.utf8).span, in: head.span)
            }
        return found.map { String(decoding: head[$0.indices], as: UTF8.self) }
    }

    /// Nil if there is one that is no number.
    private static func port(of authority: Substring) -> UInt16? {
        guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else { return 80 }
        return UInt16(authority[authority.index(after: colon)...])
    }

    private mutating func append(_ header: String) -> Bool {
        let parts = header.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { return false }
        let value = parts[1].drop { $0 == " " || $0 == "\t" }
        let start = head.count
        let name = start + parts[0].utf8.count
        let end = name + value.utf8.count
        guard end <= Int(UInt16.max) else { return false }
        head += Array(parts[0].utf8) + Array(value.utf8)
        positions.append(
            FieldPosition(
                nameStart: UInt16(start), nameEnd: UInt16(name), valueStart: UInt16(name),
                valueEnd: UInt16(end)))
        return true
    }
}
