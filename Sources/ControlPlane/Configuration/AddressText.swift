internal import Transport

/// Addresses, names and ports as operators write them.
enum AddressText {
    /// `:80`, `80`, `0.0.0.0:80` or `[::]:80`. Port 0 lets the kernel choose one.
    static func bind(_ text: String) throws(Refusal) -> SocketAddress {
        if let port = port(text, from: 0) { return SocketAddress(ipv4: 0, port: port) }
        let (host, port) = try split(text, from: 0)
        if host.isEmpty { return SocketAddress(ipv4: 0, port: port) }
        if let address = SocketAddress(numeric: host, port: port) { return address }
        guard isName(host) else { throw Refusal() }
        throw Refusal(
            "'\(host)' is a name; write an address of this machine, or ':\(port)' for all")
    }

    /// `127.0.0.11:53`, or the address alone.
    static func server(_ text: String, port: UInt16) throws(Refusal) -> SocketAddress {
        if let address = SocketAddress(numeric: text, port: port) { return address }
        let (host, port) = try split(text, from: 1)
        guard let address = SocketAddress(numeric: host, port: port) else { throw Refusal() }
        return address
    }

    /// `app:8080`, `10.0.0.1:80`, `[::1]:80` or `srv:_http._tcp.app`.
    static func source(_ text: String, weight: Int = 1) throws(Refusal) -> PoolConfiguration.Source
    {
        if text.hasPrefix("srv:") { return .service(try service(String(text.dropFirst(4)))) }
        if let scheme = text.firstRange(of: "://") {
            let rest = text[scheme.upperBound...]
            throw Refusal("'\(text.shortened)' is a URL; write \(rest.prefix { $0 != "/" })")
        }
        let (host, port) = try split(text, from: 1)
        if let address = SocketAddress(numeric: host, port: port) {
            return .address(address, weight: weight)
        }
        guard isName(host) else { throw Refusal() }
        return .name(host, port: port, weight: weight)
    }

    /// `10.0.0.0/8`, `fd00::/8` or a single address.
    static func subnet(_ text: String) throws(Refusal) -> Subnet {
        guard let subnet = Subnet(text) else { throw Refusal() }
        return subnet
    }

    /// Labels of letters, digits, `-` and `_` (Compose allows it), the last one not a number.
    static func isName(_ text: String) -> Bool {
        var text = Substring(text)
        if text.hasSuffix(".") { text = text.dropLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last, Quantity.number(last) == nil else {
            return false
        }
        return labels.allSatisfy { (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(isLabel) }
    }

    /// An address without a port, as in a Host field (RFC 9110 §7.2).
    static func isNumericHost(_ text: String) -> Bool {
        guard SocketAddress(numeric: text, port: 0) != nil else { return false }
        return !text.contains(":") || text.hasPrefix("[")
    }

    private static func isLabel(_ byte: UInt8) -> Bool {
        switch byte {
        case 65...90, 97...122, 48...57, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func service(_ name: String) throws(Refusal) -> String {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard isName(name), labels.count > 2, labels[0].hasPrefix("_"), labels[1].hasPrefix("_")
        else { throw Refusal("'srv:\(name.shortened)': accepted is srv:_SERVICE._PROTOCOL.NAME") }
        return name
    }

    private static func split(
        _ text: String, from minimum: Int
    ) throws(Refusal) -> (host: String, port: UInt16) {
        guard let colon = text.lastIndex(of: ":") else {
            guard isName(text) || SocketAddress(numeric: text, port: 0) != nil else {
                throw Refusal()
            }
            throw Refusal("'\(text)' has no port; write \(text):PORT")
        }
        let host = text[..<colon]
        if host.contains(":"), !(host.hasPrefix("[") && host.hasSuffix("]")) {
            throw Refusal("'\(text.shortened)': an IPv6 address stands in brackets, [ADDRESS]:PORT")
        }
        let digits = text[text.index(after: colon)...]
        guard let port = port(digits, from: minimum) else {
            throw Refusal("'\(digits)' is no port; accepted is \(minimum) to 65535")
        }
        return (String(host), port)
    }

    private static func port(_ text: some StringProtocol, from minimum: Int) -> UInt16? {
        guard let number = Quantity.number(text), (minimum...65_535).contains(number) else {
            return nil
        }
        return UInt16(number)
    }
}
