extension RouteConfiguration {
    static let section = Section<RouteDraft>(
        "routes[]",
        exclusive: [("pool", "split"), ("listener", "listeners"), ("method", "methods")],
        [
            Key("listener", \.route.listeners, .listeners),
            Key("listeners", \.route.listeners, .listeners),
            Key("host", \.route.host, .hostPattern),
            Key("path", \.route.path, .path),
            Key("method", \.route.methods, ValueKind.method.listOrOne),
            Key("methods", \.route.methods, ValueKind.method.listOrOne),
            Key("headers", \.route.headers, .headers),
            Key("idempotency_key", \.route.honoursIdempotencyKey, .onOff),
            Key("rate_limit", \.route.rateLimit, .rateLimit),
            Key("pool", \.target, .pool),
            Key("split", \.target, .split),
        ])

    /// All routes of the file; reports those that no request could tell apart.
    static func list(_ node: YAMLNode, _ reading: inout Reading) -> [RouteConfiguration] {
        guard case .sequence(let elements) = node.content, !elements.isEmpty else {
            reading.refuse(node, accepted: "a list of routes, such as - { path: /v1, pool: NAME }")
            return []
        }
        var seen: [RouteIdentity: [(route: RouteConfiguration, line: Int)]] = [:]
        return elements.compactMap { element in
            reading.key = "routes"
            guard let route = RouteConfiguration(element, &reading) else { return nil }
            let identity = RouteIdentity(route)
            if let other = seen[identity]?.first(where: { route.overlaps($0.route) }) {
                reading.report(
                    element.mark,
                    "this route matches the same requests as the one in line \(other.line)")
            }
            seen[identity, default: []].append((route, element.mark.line))
            return route
        }
    }

    private init?(_ node: YAMLNode, _ reading: inout Reading) {
        var draft = RouteDraft()
        Self.section.read(node, into: &draft, &reading)
        if case .mapping = node.content, node.entry("pool") == nil, node.entry("split") == nil {
            reading.report(node.mark, "this route leads nowhere; add 'pool' or 'split'")
        }
        guard let target = draft.target else { return nil }
        self = draft.route
        self.target = target
    }

    /// Whether some listener and method belong to both.
    private func overlaps(_ other: RouteConfiguration) -> Bool {
        func meet(_ left: [String], _ right: [String]) -> Bool {
            left.isEmpty ? right.isEmpty : left.contains { right.contains($0) }
        }
        return meet(methods, other.methods) && meet(listeners, other.listeners)
    }
}

/// What a route says, before it is known to lead somewhere.
struct RouteDraft: Sendable {
    var route = RouteConfiguration(target: .pool(""))
    var target: TargetName?
}

/// What makes routes compete: the same host, path and fields.
private struct RouteIdentity: Hashable {
    let host: String?
    let path: String
    let headers: Set<[String?]>

    init(_ route: RouteConfiguration) {
        host = route.host
        path = String((route.path ?? "/").reversed().drop { $0 == "/" }.reversed())
        headers = Set(route.headers.map { [$0.name, $0.value] })
    }
}

extension ValueKind<[String]> {
    fileprivate static var listeners: ValueKind {
        ValueKind<String>.name(of: "listener", \.listeners).listOrOne
    }
}

extension ValueKind<String> {
    fileprivate static var hostPattern: ValueKind {
        ValueKind(scalar: "a host without port, such as example.com or *.example.com") {
            text throws(Refusal) in
            let name = text.hasPrefix("*.") ? text.dropFirst(2) : Substring(text)
            guard AddressText.isName(String(name)) || AddressText.isNumericHost(text) else {
                throw Refusal()
            }
            return text.lowercased()
        }
    }

    /// The path of a request: what RFC 3986 §3.3 allows in one, without a query.
    static var path: ValueKind {
        ValueKind(scalar: "a path that starts with '/', without '?', '#' or spaces") {
            text throws(Refusal) in
            guard text.hasPrefix("/"),
                text.utf8.allSatisfy({ (33...126).contains($0) && $0 != 63 && $0 != 35 })
            else { throw Refusal() }
            return text
        }
    }

    fileprivate static var method: ValueKind {
        ValueKind(scalar: "a method such as GET") { text throws(Refusal) in
            guard text.isToken, text.uppercased() != "CONNECT" else { throw Refusal() }
            return text.uppercased()
        }
    }
}

extension ValueKind<[RouteConfiguration.HeaderMatch]> {
    fileprivate static var headers: ValueKind {
        let accepted = "a mapping of NAME: VALUE, with \"*\" for any value"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var names: Set<String> = []
            return entries.compactMap { entry in
                reading.key = entry.key
                let name = entry.key.lowercased()
                if !name.isToken {
                    let message = "'\(name.shortened)' is no name of a header field"
                    reading.report(entry.keyMark, message)
                } else if !names.insert(name).inserted {
                    let message = "'\(name)' stands here twice; upper and lower case are the same"
                    reading.report(entry.keyMark, message)
                }
                let value = ValueKind<String>.text.read(entry.value, &reading)
                return value.map { .init(name: name, value: $0 == "*" ? nil : $0) }
            }
        }
    }
}

extension String {
    /// What RFC 9110 §5.6.2 allows for methods and field names.
    var isToken: Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case 65...90, 97...122, 48...57: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
