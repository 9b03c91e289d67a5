internal import Balancing
internal import Transport

/// The sources of a pool's configuration, each with the number by which `PoolState` knows it.
struct PoolSources {
    private var known: [(id: PoolSource.ID, source: PoolConfiguration.Source)] = []
    private var lastNumber = 0

    /// What the state is to know of the configuration. Sources that were there before keep their
    /// numbers.
    mutating func definitions(
        of configuration: PoolConfiguration, resolver: Resolver
    ) -> [PoolSource] {
        var kept: [(id: PoolSource.ID, source: PoolConfiguration.Source)] = []
        for source in configuration.sources where !kept.contains(where: { $0.source == source }) {
            if let old = known.first(where: { $0.source == source }) {
                kept.append(old)
            } else {
                lastNumber += 1
                kept.append((PoolSource.ID(number: lastNumber), source))
            }
        }
        known = kept
        let asksNames = resolver.isDocker || configuration.addresses == .attachedOnly
        return kept.map { PoolSource($0.id, $0.source, asksNames: asksNames) }
    }

    func source(_ id: PoolSource.ID) -> PoolConfiguration.Source? {
        known.first { $0.id == id }?.source
    }

    /// Those of the sources that are called so.
    func ids(of texts: [String]) -> Set<PoolSource.ID> {
        Set(known.filter { texts.contains($0.source.text) }.map(\.id))
    }

    /// Whether only addresses in attached networks are believed.
    func isGuarded(
        _ id: PoolSource.ID, _ rule: PoolConfiguration.AddressRule, resolver: Resolver
    ) -> Bool {
        switch rule {
        case .any: return false
        case .attachedOnly: return true
        case .automatic:
            guard case .name(let name, _, _) = source(id) else { return false }
            return resolver.isDocker && !name.contains(".")
        }
    }

    /// How a replica is probed; nil if it is not.
    func probeMethod(
        of member: PoolMember, _ configuration: PoolConfiguration
    ) -> ProbeTarget.Method? {
        switch configuration.probe.kind {
        case .off: return nil
        case .tcp: return .connect
        case .http(let probe): return .http(probe, host: probe.host ?? host(of: member))
        case .grpc(let service): return .grpc(service: service, authority: host(of: member))
        }
    }

    /// The name that discovery asked for.
    private func host(of member: PoolMember) -> String {
        let own = known.first { member.sources.contains($0.id) } ?? known.first
        let address = SocketAddress(member.address)
        return own?.source.host(address) ?? address.description
    }
}

extension PoolSources {
    /// What the certificate of a replica must be for; of no account without TLS.
    func serverName(of member: PoolMember, _ configuration: PoolConfiguration) -> String {
        guard let tls = configuration.tls else { return "" }
        if let name = tls.serverName { return name }
        let own = known.first { member.sources.contains($0.id) } ?? known.first
        switch own?.source {
        case .name(let name, _, _): return name
        // A service's replicas are known by their addresses only.
        case .address, .service, nil: return SocketAddress(member.address).host
        }
    }
}

extension PoolConfiguration.Source {
    /// The Host field for a replica of this source.
    fileprivate func host(_ address: SocketAddress) -> String {
        switch self {
        case .name(let name, let port, _): port == 80 || port == 443 ? name : "\(name):\(port)"
        case .address, .service: address.description
        }
    }
}

extension PoolSource {
    fileprivate init(
        _ id: PoolSource.ID, _ source: PoolConfiguration.Source, asksNames: Bool
    ) {
        switch source {
        case .name(let name, _, _):
            self.init(
                id: id, origin: .polled, asksNames: asksNames,
                service: ServiceNames.service(askedBy: name))
        case .service: self.init(id: id, origin: .polled, asksNames: asksNames)
        case .address(let address, let weight):
            self.init(id: id, origin: .fixed(ReplicaAddress(address), weight: weight))
        }
    }
}

extension PoolRules {
    init(_ pool: PoolConfiguration, _ dns: DNSConfiguration) {
        let probe = pool.probe
        self.init(
            isProbed: probe.kind != .off, probeIntervalMilliseconds: probe.intervalMilliseconds,
            rise: probe.rise, fall: probe.fall,
            queryIntervalMilliseconds: dns.intervalMilliseconds,
            tunnelMilliseconds: pool.drain.tunnelMilliseconds ?? .max, ejection: pool.ejection,
            slowStartMilliseconds: pool.slowStart)
    }
}

extension ProbeConfiguration {
    /// Milliseconds.
    var timeout: Int {
        if let timeoutMilliseconds { return timeoutMilliseconds }
        switch kind {
        case .http, .grpc: return 1_000
        case .tcp, .off: return 300
        }
    }
}

extension ReplicaAddress {
    init(_ address: SocketAddress) {
        self.init(high: address.high, low: address.low, port: address.port)
    }
}

extension SocketAddress {
    init(_ address: ReplicaAddress) {
        self.init(high: address.high, low: address.low, port: address.port)
    }
}

/// The networks that this host is attached to, read again when they may have changed.
struct AttachedRanges {
    private static let validMilliseconds = 500

    private var ranges: [AddressRange] = []
    private var readAt: Instant?

    /// The last ones known if they cannot be read now.
    mutating func current() -> [AddressRange] {
        let now = Instant.now()
        if let readAt, now.milliseconds(since: readAt) < AttachedRanges.validMilliseconds {
            return ranges
        }
        readAt = now
        do throws(SystemError) {
            ranges = try Subnet.attached().map {
                AddressRange(
                    maskHigh: $0.maskHigh, maskLow: $0.maskLow, baseHigh: $0.base.high,
                    baseLow: $0.base.low)
            }
        } catch {
            readAt = nil
        }
        return ranges
    }
}
