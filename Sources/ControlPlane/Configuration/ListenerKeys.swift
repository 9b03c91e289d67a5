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
            .later("tls"), .later("sni"), .later("proxy_protocol"),
        ])

    /// Nil, and reported, if it cannot be.
    init?(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        var draft = ListenerDraft()
        Self.section.read(entry.value, into: &draft, &reading)
        let hasTarget = Self.checkKeys(entry, draft.speech, &reading)
        if entry.value.entry("bind") == nil, case .mapping = entry.value.content {
            reading.report(entry.keyMark, "listener '\(entry.key)' has no 'bind', such as \":80\"")
        }
        guard let bind = draft.bind, hasTarget else { return nil }
        switch (draft.speech, draft.target) {
        case (.http, _): self.init(name: entry.key, bind: bind, mode: .http)
        case (.tcp, let target?): self.init(name: entry.key, bind: bind, mode: .tcp(target))
        case (.tcp, nil): return nil
        }
        trusted = draft.trusted
        speaksHTTP2 = draft.speaksHTTP2
    }

    /// The keys that belong to one protocol only.
    private static func checkKeys(
        _ entry: YAMLNode.Entry, _ speech: ListenerDraft.Speech, _ reading: inout Reading
    ) -> Bool {
        let target = entry.value.entry("pool") ?? entry.value.entry("split")
        switch speech {
        case .http:
            guard let target else { return true }
            reading.report(
                target.keyMark,
                "'\(target.key)' is for 'protocol: tcp'; where HTTP goes is said under 'routes'")
            return false
        case .tcp:
            for key in ["trust", "http2"] {
                guard let found = entry.value.entry(key) else { continue }
                reading.report(found.keyMark, "'\(key)' is for 'protocol: http'")
            }
            if target != nil { return true }
            reading.report(
                entry.keyMark, "tcp listener '\(entry.key)' leads nowhere; add 'pool' or 'split'")
            return false
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

extension ValueKind<Subnet> {
    fileprivate static var subnet: ValueKind {
        ValueKind(scalar: "a subnet such as 10.0.0.0/8, or an address") { text throws(Refusal) in
            try AddressText.subnet(text)
        }
    }
}
