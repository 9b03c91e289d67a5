/// The text of a request with a `Host` field, and a `Content-Length` if there is a body.
///
///     request("GET /a", "Accept: text/html")
public func request(_ line: String, _ fields: String..., body: String = "") -> String {
    let names = fields.map { $0.prefix { $0 != ":" }.lowercased() }
    var all = fields
    if !names.contains("host") { all.insert("Host: example.com", at: 0) }
    if !body.isEmpty, !names.contains("transfer-encoding") {
        all.append("Content-Length: \(body.utf8.count)")
    }
    return "\(line) HTTP/1.1\r\n" + all.map { "\($0)\r\n" }.joined() + "\r\n" + body
}

/// Tells when the only worker of a weir has read what was sent before: it takes its connections in
/// turn, so a round trip on another connection comes after. Needs a path that no route takes.
public struct Barrier: Sendable {
    private let wire: Wire

    public init(_ weir: WeirProcess) throws { wire = try Wire(to: weir.address) }

    public func pass() throws {
        let response = try wire.roundTrip(request("GET /no-route"))
        guard response.status == 404 else { throw NotInTime("a barrier got \(response)") }
    }
}

extension WireMessage {
    /// Why weir answered itself: the `details` of `Proxy-Status` (RFC 9209), checked for its form.
    public var reason: String? {
        guard let status = self["proxy-status"], status.hasPrefix("weir; error=") else {
            return nil
        }
        let parts = status.split(separator: "details=\"")
        guard parts.count == 2, parts[1].hasSuffix("\"") else { return nil }
        return String(parts[1].dropLast())
    }

    /// The error word of `Proxy-Status`, such as `connection_refused`.
    public var errorWord: String? {
        guard let status = self["proxy-status"], status.hasPrefix("weir; error=") else {
            return nil
        }
        return String(status.dropFirst("weir; error=".count).prefix { $0 != ";" })
    }
}
