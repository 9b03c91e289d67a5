internal import Transport

/// `http://HOST:PORT/PATH`: where a hook is called, or spans are sent.
struct HTTPURL: Equatable, Sendable {
    /// A name, or an address as it was written.
    var host: String
    var port: UInt16
    /// With the query.
    var path: String
    /// Set if `host` is an address.
    var address: SocketAddress?

    static let accepted = "http://HOST:PORT/PATH"

    /// Nil if the text is no such URL.
    init?(_ text: String) {
        guard text.hasPrefix("http://"), text.utf8.count <= 2_000,
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        let rest = text.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest.dropFirst(authority.count)
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
        var name = authority
        port = 80
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0
            else { return nil }
            port = number
            name = authority[..<colon]
        }
        host = String(name)
        address = SocketAddress(numeric: host, port: port)
        guard address != nil || AddressText.isName(host), !text.contains("#") else { return nil }
    }

    /// The Host field.
    var authority: String { port == 80 ? host : "\(host):\(port)" }

    /// What is wrong with a hook; nil if nothing is.
    static func problem(_ name: String, _ url: String?) -> String? {
        guard let url, HTTPURL(url) == nil else { return nil }
        return "\(name): found \"\(url)\", accepted is \(accepted)"
    }
}
