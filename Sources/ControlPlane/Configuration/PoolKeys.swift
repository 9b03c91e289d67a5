internal import Balancing

extension PoolConfiguration {
    static let section = Section<PoolConfiguration>(
        "pools.NAME",
        [
            Key("discover", \.sources, .sources),
            Key("balance", \.policy, .balance),
            Key("sticky", \.sticky, .stickyCookie),
            Key("probe", \.probe, .probe),
            Key("hold", \.settings, section: PoolSettings.hold) { settings in
                settings.holdRequestsMaximum = 0
            },
            Key("retry", \.settings, section: PoolSettings.retry),
            Key("drain", \.drain, section: DrainConfiguration.section),
            Key("timeouts", \.settings, section: PoolSettings.timeouts),
            Key(
                "max_in_flight", \.settings.inFlightPerReplicaMaximum,
                ValueKind.count(1...1_000_000).or(["off", "false"], 0)),
            Key("attempts", \.settings.attemptsMaximum, .count(1...10)),
            Key(
                "idle_connections", \.settings.idleConnectionsPerReplicaMaximum,
                .count(0...65_536)),
            Key(
                "protocol", \.settings.upstreamProtocol,
                .word(["http1": .http1, "http2": .http2])),
            Key(
                "proxy_protocol", \.settings.proxyProtocol,
                .word(["off": .off, "v1": .v1, "v2": .v2])),
            Key(
                "addresses", \.addresses,
                .word(["automatic": .automatic, "attached": .attachedOnly, "any": .any])),
            Key(
                "ejection", \.ejection,
                .switched(EjectionConfiguration.section, on: EjectionConfiguration())),
            Key(
                "circuit_breaker", \.circuit,
                .switched(CircuitConfiguration.section, on: CircuitConfiguration())),
            Key(
                "slow_start", \.slowStartMilliseconds,
                ValueKind.time(100...3_600_000).or(["off", "false"], 0)),
            Key("hash", \.hashKey, .hash),
            Key("backup", \.backup, ValueKind.name(of: "pool", \.pools)),
            Key("tls", \.tls, ValueKind<PoolTLS?>.poolTLS),
        ])

    init?(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        self.init(name: entry.key)
        Self.section.read(entry.value, into: &self, &reading)
        if case .mapping = entry.value.content, entry.value.entry("discover") == nil {
            reading.report(
                entry.keyMark, "pool '\(entry.key)' has no 'discover', such as \"app:8080\"")
        }
        let balance = entry.value.entry("balance")?.value.text ?? policy.rawValue
        if policy != .consistentHash, BalancePolicy(rawValue: balance) != nil,
            let key = entry.value.entry("hash")
        {
            reading.report(key.keyMark, "'hash' is for 'balance: consistent-hash'")
        }
        if case .grpc = probe.kind, entry.value.entry("protocol") == nil {
            settings.upstreamProtocol = .http2
        } else if tls != nil, settings.proxyProtocol == .off,
            entry.value.entry("protocol") == nil
        {
            settings.upstreamProtocol = .negotiated
        }
        if settings.upstreamProtocol == .http2, settings.proxyProtocol != .off,
            let key = entry.value.entry("proxy_protocol")
        {
            reading.report(
                key.keyMark,
                "'proxy_protocol' does not go with HTTP/2: a connection carries many clients")
        }
        if policy == .consistentHash, slowStart > 0, let key = entry.value.entry("slow_start") {
            reading.report(
                key.keyMark,
                "'slow_start' does not go with 'balance: consistent-hash': keys would"
                    + " move with every step")
        }
    }
}

extension DrainConfiguration {
    static let section = Section<DrainConfiguration>(
        "pools.NAME.drain",
        [
            Key(
                "tunnels", \.tunnelMilliseconds,
                ValueKind.time(0...604_800_000).orNil(["off", "false"])),
            Key("spread", \.spreadMilliseconds, .time(0...3_600_000)),
        ])
}

extension PoolSettings {
    static let hold = Section<PoolSettings>(
        "pools.NAME.hold",
        [
            Key("timeout", \.holdTimeoutMilliseconds, .time(1...3_600_000)),
            Key("requests", \.holdRequestsMaximum, .count(0...1_000_000)),
            Key("bytes", \.holdBytesMaximum, .size(4_096...1 << 40)),
            Key("release", \.holdReleaseMaximum, .count(1...1_000_000)),
        ])

    static let timeouts = Section<PoolSettings>(
        "pools.NAME.timeouts",
        [
            Key("connect", \.connectTimeoutMilliseconds, .time(1...300_000)),
            Key("first_byte", \.firstByteTimeoutMilliseconds, .time(1...86_400_000)),
            Key("body_idle", \.bodyIdleTimeoutMilliseconds, .time(1...86_400_000)),
            Key("idle", \.idleTimeoutMilliseconds, .time(1...86_400_000)),
            Key("fresh", \.freshnessMilliseconds, .time(0...86_400_000)),
            Key(
                "tunnel_idle", \.tunnelIdleTimeoutMilliseconds,
                ValueKind.time(1...604_800_000).or(["off", "false"], 0)),
        ])
}

/// `{ name: "app:8080", weight: 2 }`
struct SourceDraft: Sendable {
    var text: String?
    var weight = 1

    static let section = Section<SourceDraft>(
        "pools.NAME.discover[]", exclusive: [("name", "address")],
        [
            Key("name", \.text, .text),
            Key("address", \.text, .text),
            Key("weight", \.weight, .count(1...1_000)),
        ])
}

extension ValueKind<BalancePolicy> {
    fileprivate static var balance: ValueKind {
        word(
            [
                "round-robin": .roundRobin, "least-connections": .leastConnections,
                "power-of-two": .powerOfTwo, "consistent-hash": .consistentHash,
                "least-response-time": .leastResponseTime,
            ])
    }
}

extension ValueKind<[PoolConfiguration.Source]> {
    fileprivate static var sources: ValueKind {
        let one = ValueKind<PoolConfiguration.Source>.source
        let list = one.map(marked: { (source: $0, mark: $1) }).listOrOne
        return ValueKind(accepted: list.accepted) { node, reading in
            let found = list.read(node, &reading) ?? []
            for (index, next) in found.enumerated() {
                guard found[..<index].contains(where: { $0.source == next.source }) else {
                    continue
                }
                reading.report(next.mark, "discover: '\(next.source.text)' stands here twice")
            }
            return found.map(\.source)
        }
    }
}

extension ValueKind<PoolConfiguration.Source> {
    static var source: ValueKind {
        let accepted = "NAME:PORT, ADDRESS:PORT or srv:NAME"
        let plain = ValueKind(scalar: accepted) { text throws(Refusal) in
            try AddressText.source(text)
        }
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping = node.content else { return plain.read(node, &reading) }
            return weighted(node, &reading)
        }
    }

    private static func weighted(
        _ node: YAMLNode, _ reading: inout Reading
    ) -> PoolConfiguration.Source? {
        var draft = SourceDraft()
        SourceDraft.section.read(node, into: &draft, &reading)
        guard let entry = node.entry("name") ?? node.entry("address") else {
            reading.report(node.mark, "discover: an entry without 'name' or 'address'")
            return nil
        }
        guard draft.text != nil else { return nil }
        let weight = draft.weight
        reading.key = entry.key
        let accepted = entry.key == "name" ? "NAME:PORT" : "ADDRESS:PORT"
        return ValueKind(scalar: accepted) { text throws(Refusal) in
            let source = try AddressText.source(text, weight: weight)
            switch source {
            case .name where entry.key == "name", .address where entry.key == "address":
                return source
            default: throw Refusal()
            }
        }.read(entry.value, &reading)
    }
}

extension PoolConfiguration.Source {
    /// As it is written in the file, without its weight.
    var text: String {
        switch self {
        case .name(let name, let port, _): "\(name):\(port)"
        case .address(let address, _): "\(address)"
        case .service(let name): "srv:\(name)"
        }
    }
}
