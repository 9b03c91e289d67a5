internal import Transport

extension ListenerConfiguration {
    static let section = Section<ListenerDraft>(
        "listeners.NAME", exclusive: [("pool", "split")],
        [
            Key("bind", \.bind, .bind),
            Key("protocol", \.speech, .word(["http": .http, "tcp": .tcp])),
            Key("pool", \.target, .pool),
            Key("split", \.target, .split),
            Key("trust", \.trusted, ValueKind.subnet.listOrOne),
            Key("http2", \.speaksHTTP2, .onOff),
            Key("server_names", \.serverNames, .serverNames),
            Key("proxy_protocol", \.proxies, ValueKind.subnet.listOrOne),
            Key("tls") { entry, draft, reading in
                var tls = ListenerTLS()
                ListenerTLS.section.read(entry.value, into: &tls, &reading)
                tls.check(entry, &reading)
                draft.tls = tls
            },
            Key("redirect_to_https", \.redirectPort, .redirect),
            Key("error_pages", \.errorPages, .errorPages),
        ])

    /// Nil, and reported, if it cannot be.
    init?(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        var draft = ListenerDraft()
        Self.section.read(entry.value, into: &draft, &reading)
        let hasTarget = Self.checkKeys(entry, draft.speech, &reading)
        Self.checkHTTPS(entry, draft, &reading)
        if entry.value.entry("bind") == nil, case .mapping = entry.value.content {
            reading.report(entry.keyMark, "listener '\(entry.key)' has no 'bind', such as \":80\"")
        }
        guard let bind = draft.bind, hasTarget else { return nil }
        guard let mode = draft.mode else { return nil }
        self.init(name: entry.key, bind: bind, mode: mode)
        trusted = draft.trusted
        speaksHTTP2 = draft.speaksHTTP2
        proxies = draft.proxies
        tls = draft.tls
        redirectPort = draft.redirectPort
        errorPages = draft.errorPages
    }

    /// The keys that belong to one protocol only.
    private static func checkKeys(
        _ entry: YAMLNode.Entry, _ speech: ListenerDraft.Speech, _ reading: inout Reading
    ) -> Bool {
        let target = entry.value.entry("pool") ?? entry.value.entry("split")
        switch speech {
        case .http:
            guard let target = target ?? entry.value.entry("server_names") else { return true }
            reading.report(
                target.keyMark,
                "'\(target.key)' is for 'protocol: tcp'; where HTTP goes is said under 'routes'")
            return false
        case .tcp:
            for key in ["trust", "http2", "error_pages"] {
                guard let found = entry.value.entry(key) else { continue }
                reading.report(found.keyMark, "'\(key)' is for 'protocol: http'")
            }
            if target != nil || entry.value.entry("server_names") != nil { return true }
            reading.report(
                entry.keyMark,
                "tcp listener '\(entry.key)' leads nowhere; add 'pool', 'split' or 'server_names'")
            return false
        }
    }
}

extension ListenerConfiguration {
    /// What is about http and https only.
    private static func checkHTTPS(
        _ entry: YAMLNode.Entry, _ draft: ListenerDraft, _ reading: inout Reading
    ) {
        let redirect = entry.value.entry("redirect_to_https")
        let tls = entry.value.entry("tls")
        if let tls, draft.serverNames != nil {
            reading.report(
                tls.keyMark, "'tls' does not go with 'server_names', which pass TLS on as it is")
        }
        if draft.speech == .tcp {
            for key in [redirect, tls?.value.entry("hsts")].compactMap(\.self) {
                reading.report(key.keyMark, "'\(key.key)' is for 'protocol: http'")
            }
        } else if let redirect, tls != nil, draft.redirectPort != 0 {
            reading.report(
                redirect.keyMark, "'redirect_to_https' is for a listener without 'tls'")
        }
    }
}

/// What a listener says, before it is known to be whole.
struct ListenerDraft: Sendable {
    var bind: SocketAddress?
    var speech = Speech.http
    var target: TargetName?
    var trusted: [Subnet] = []
    var speaksHTTP2 = true
    var proxies: [Subnet] = []
    /// nil: TLS is not looked into.
    var serverNames: [ServerName]?

    /// nil: it leads nowhere.
    var mode: ListenerConfiguration.Mode? {
        if speech == .http { return .http }
        if let serverNames { return .passthrough(serverNames, fallback: target) }
        return target.map(ListenerConfiguration.Mode.tcp)
    }
    var tls: ListenerTLS?
    var redirectPort: UInt16 = 0
    var errorPages: [ErrorPageFile] = []

    enum Speech: Sendable {
        case http
        case tcp
    }
}

extension ValueKind<TargetName> {
    static var pool: ValueKind {
        ValueKind<String>.name(of: "pool", \.pools).map { .pool($0) }
    }

    static var split: ValueKind {
        ValueKind<String>.name(of: "split", \.splits).map { .split($0) }
    }
}

extension ValueKind<[ServerName]> {
    fileprivate static var serverNames: ValueKind {
        let accepted = "a mapping of SERVER NAME: POOL, such as { \"*.example.com\": web }"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var seen: Set<String> = []
            return entries.compactMap { entry in
                reading.key = "server_names"
                let text = YAMLNode(mark: entry.keyMark, content: .scalar(entry.key))
                let name = ValueKind<String>.serverName.read(text, &reading)
                reading.key = entry.key
                let target = ValueKind<TargetName>.pool.read(entry.value, &reading)
                guard let name, let target else { return nil }
                if !seen.insert(name).inserted {
                    let message = "'\(name)' stands here twice; upper and lower case are the same"
                    reading.report(entry.keyMark, message)
                }
                return ServerName(name: name, target: target)
            }
        }
    }
}

extension ValueKind<String> {
    fileprivate static var serverName: ValueKind {
        ValueKind(scalar: "a server name such as example.com or *.example.com") {
            text throws(Refusal) in
            let name = text.hasPrefix("*.") ? String(text.dropFirst(2)) : text
            guard AddressText.isName(name), !name.hasSuffix(".") else { throw Refusal() }
            return text.lowercased()
        }
    }
}

extension ValueKind<Subnet> {
    fileprivate static var subnet: ValueKind {
        ValueKind(scalar: "a subnet such as 10.0.0.0/8, or an address") { text throws(Refusal) in
            try AddressText.subnet(text)
        }
    }
}
