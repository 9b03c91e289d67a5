extension Snapshot {
    /// A copy that shares no array and no string with the original, so that two threads that read
    /// their snapshots never count references in the same memory. Shared on purpose are the tickets
    /// of splits, and the routes with their index: finding a route counts no reference.
    public func deepCopy() -> Snapshot {
        Snapshot(
            generation: generation, phase: phase, listeners: listeners.map { $0.deepCopy() },
            routes: routes,
            splits: splits.map { $0.deepCopy() }, pools: pools.map { $0.deepCopy() },
            limits: limits)
    }
}

extension Listener {
    fileprivate func deepCopy() -> Listener {
        var copy = self
        copy.name = name.deepCopy()
        copy.descriptors = descriptors.map { $0 }
        copy.trusted = trusted.map { $0 }
        copy.proxies = proxies.map { $0 }
        if case .tls(let names) = mode { copy.mode = .tls(names.deepCopy()) }
        return copy
    }
}

extension HostPattern {
    func deepCopy() -> HostPattern {
        switch self {
        case .any: .any
        case .exact(let name): .exact(name.deepCopy())
        case .wildcard(let suffix): .wildcard(suffix.deepCopy())
        }
    }
}

extension Split {
    fileprivate func deepCopy() -> Split {
        var copy = Split(
            row: row, name: name.deepCopy(), schedule: schedule.deepCopy(), ticket: ticket)
        copy.stickiness = Stickiness(
            copying: stickiness, cookie: stickiness.cookie?.deepCopy(),
            key: stickiness.key?.deepCopy())
        copy.pins = pins.map { Pin(key: $0.key.deepCopy(), entry: $0.entry) }
        return copy
    }
}

extension Pool {
    fileprivate func deepCopy() -> Pool {
        var copy = Pool(
            row: row, name: name.deepCopy(), policy: policy,
            replicas: replicas.map { $0.deepCopy() }, isPaused: isPaused, settings: settings)
        copy.backup = backup
        copy.circuit = circuit
        copy.hashKey = hashKey.deepCopy()
        copy.sticky = sticky?.deepCopy()
        copy.tls = tls
        return copy
    }
}

extension RequestKey {
    fileprivate func deepCopy() -> RequestKey {
        switch self {
        case .clientAddress, .path: self
        case .header(let name): .header(name.deepCopy())
        case .cookie(let name): .cookie(name.deepCopy())
        }
    }
}

extension StickyCookie {
    fileprivate func deepCopy() -> StickyCookie {
        StickyCookie(name: name.deepCopy(), maxAgeSeconds: maxAgeSeconds, key: key)
    }
}

extension Replica {
    fileprivate func deepCopy() -> Replica {
        var copy = self
        copy.name = name.deepCopy()
        copy.serverName = serverName.deepCopy()
        return copy
    }
}

extension String {
    fileprivate func deepCopy() -> String { String(decoding: Array(utf8), as: UTF8.self) }
}
