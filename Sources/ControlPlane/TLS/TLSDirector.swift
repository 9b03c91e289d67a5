internal import Balancing
internal import Transport

/// The TLS contexts of all listeners and pools, made from files which it watches.
///
/// Used by the control loop's thread only. A change of the configuration happens in two steps, as
/// with sockets: `prepare` may fail, `commit` cannot.
final class TLSDirector {
    /// How often files are looked at.
    static let watchMilliseconds = 1_000
    /// How long the keys of session tickets make tickets. They read them three times as long.
    static let ticketMilliseconds = 8 * 3_600_000

    /// A context is another now: publish.
    var onChange: () -> Void = {}

    private let loop: EventLoop
    private let log: StateLog
    private var listeners: [String: TLSUnit] = [:]
    private var pools: [String: TLSUnit] = [:]
    private var tickets: TLSTickets?
    private var isWatching = false

    /// What `commit` will make true.
    struct Change {
        fileprivate var listeners: [String: TLSUnit] = [:]
        fileprivate var pools: [String: TLSUnit] = [:]
        fileprivate var doubts: [ConfigurationProblem] = []
    }

    init(loop: EventLoop, log: StateLog) {
        self.loop = loop
        self.log = log
    }

    func context(ofListener name: String) -> TLSContext? { listeners[name]?.context }
    func context(ofPool name: String) -> TLSContext? { pools[name]?.context }
    func context(ofProbesIn name: String) -> TLSContext? {
        pools[name]?.probing ?? pools[name]?.context
    }

    /// What is told of a listener's certificates.
    func reports(ofListener name: String) -> [CertificateReport] {
        guard let unit = listeners[name] else { return [] }
        return unit.certificates.map { files, facts in
            CertificateReport(files, facts, problem: unit.watch.problem, now: TLSDirector.now)
        }
    }

    /// Makes all contexts of a configuration, from its files as they are now.
    ///
    /// - Throws: everything that is wrong with them; nothing has changed then.
    func prepare(_ configuration: Configuration) throws(ControlError) -> Change {
        let wanted = configuration.tlsWanted
        guard !wanted.isEmpty else { return Change() }
        if tickets == nil { tickets = try TLSDirector.makeTickets() }
        guard let tickets else { return Change() }
        var change = Change()
        var loader = TLSLoader(now: TLSDirector.now)
        for wanted in wanted {
            let known = unit(wanted).flatMap { $0.wanted == wanted ? $0 : nil }
            if let known, !known.watch.wantsReading(TLSUnit.stamps(of: wanted)) {
                change.put(known)
                continue
            }
            let doubts = loader.doubts.count
            if let unit = TLSUnit(wanted, tickets: tickets, &loader) { change.put(unit) }
            if known != nil { loader.resolveDoubts(from: doubts) }
        }
        guard loader.problems.isEmpty else {
            throw ControlError(loader.problems.map(\.description))
        }
        change.doubts = loader.doubts
        return change
    }

    func commit(_ change: Change) {
        listeners = change.listeners
        pools = change.pools
        for doubt in change.doubts { log.write(.warning, "\(doubt)") }
        guard tickets != nil, !isWatching else { return }
        isWatching = true
        watchFiles()
        rotateTickets()
    }

    /// What is wrong with the files of a configuration: for those who only ask.
    static func problems(of configuration: Configuration) -> [ConfigurationProblem] {
        let wanted = configuration.tlsWanted
        guard !wanted.isEmpty else { return [] }
        var loader = TLSLoader(now: now)
        do throws(ControlError) {
            let tickets = try makeTickets()
            for wanted in wanted { _ = TLSUnit(wanted, tickets: tickets, &loader) }
        } catch {
            return error.problems.map { ConfigurationProblem(flag: "tls", message: $0) }
        }
        return loader.problems + loader.doubts
    }

    private static var now: Int64 { Int64(WallClock.nanoseconds() / 1_000_000_000) }

    private static func makeTickets() throws(ControlError) -> TLSTickets {
        do throws(TLSContextRefused) {
            return try TLSTickets()
        } catch {
            throw ControlError("tls: no memory for the keys of session tickets")
        }
    }

    private func unit(_ wanted: TLSUnit.Wanted) -> TLSUnit? {
        switch wanted {
        case .listener(let name, _, _): listeners[name]
        case .pool(let name, _, _, _): pools[name]
        }
    }

    /// What a successor needs so that sessions of clients go on; empty without TLS. Secret.
    var ticketSecret: [UInt8] { tickets?.secret ?? [] }

    /// Goes on with the keys of the predecessor; before the first snapshot.
    func adopt(ticketSecret: [UInt8]) { tickets?.adopt(secret: ticketSecret) }

    private func rotateTickets() {
        loop.schedule(afterMilliseconds: TLSDirector.ticketMilliseconds) { [weak self] in
            self?.tickets?.rotate()
            self?.rotateTickets()
        }
    }

    private func watchFiles() {
        loop.schedule(afterMilliseconds: TLSDirector.watchMilliseconds) { [weak self] in
            self?.lookAtFiles()
            self?.watchFiles()
        }
    }

    /// Takes over what has changed and fits; what does not is said once.
    func lookAtFiles() {
        for (name, unit) in listeners {
            if let fresh = renewed(unit) { listeners[name] = fresh }
        }
        for (name, unit) in pools {
            if let fresh = renewed(unit) { pools[name] = fresh }
        }
    }

    /// Nil if nothing has changed.
    private func renewed(_ unit: TLSUnit) -> TLSUnit? {
        let stamps = TLSUnit.stamps(of: unit.wanted)
        let isStale = unit.ocspEnd.map { $0 <= TLSDirector.now } ?? false
        guard let tickets, isStale || unit.watch.wantsReading(stamps) else { return nil }
        var loader = TLSLoader(now: TLSDirector.now)
        let fresh = TLSUnit(unit.wanted, tickets: tickets, &loader)
        if var fresh, loader.doubts.isEmpty || isStale {
            fresh.watch.noteUsed(stamps)
            for doubt in loader.doubts {
                log.write(.warning, "\(unit.wanted.name) \(doubt.message)")
            }
            report(fresh)
            onChange()
            return fresh
        }
        var kept = unit
        let problem = (loader.problems + loader.doubts).map(\.message).joined(separator: "; ")
        if kept.watch.noteRefused(stamps, problem: problem) {
            log.write(
                .error, "\(unit.wanted.name) certificate not renewed, the former stays: \(problem)")
        }
        return kept
    }

    private func report(_ unit: TLSUnit) {
        for (files, facts) in unit.certificates {
            let end = WallClock.timestamp(seconds: facts.notAfter)
            log.write(
                .info,
                "\(unit.wanted.name) certificate renewed file=\(files.chain.path) not_after=\(end)")
        }
        if unit.certificates.isEmpty {
            log.write(.info, "\(unit.wanted.name) trusted certificates renewed")
        }
    }
}

extension TLSDirector.Change {
    fileprivate mutating func put(_ unit: TLSUnit) {
        switch unit.wanted {
        case .listener(let name, _, _): listeners[name] = unit
        case .pool(let name, _, _, _): pools[name] = unit
        }
    }
}

extension Configuration {
    /// In the order of the file.
    fileprivate var tlsWanted: [TLSUnit.Wanted] {
        listeners.compactMap { listener in
            let speech: TLSUnit.Wanted.Speech =
                listener.mode != .http ? .any : listener.speaksHTTP2 ? .http : .http1
            return listener.tls.map { .listener(listener.name, $0, speech) }
        }
            + pools.compactMap { pool in
                var probes = TLSUnit.Wanted.Speech.any
                if case .grpc = pool.probe.kind { probes = .http2 }
                let speech: TLSUnit.Wanted.Speech =
                    switch pool.settings.upstreamProtocol {
                    case .http1: .any
                    case .http2: .http2
                    case .negotiated: .http
                    }
                return pool.tls.map { .pool(pool.name, $0, speech, probes: probes) }
            }
    }
}
