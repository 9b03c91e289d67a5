internal import Transport

/// The TLS of one listener or pool: what is wanted, and what was made of it.
struct TLSUnit {
    let wanted: Wanted
    private(set) var context: TLSContext
    /// The same for probes, which may speak something else.
    private(set) var probing: TLSContext?
    private(set) var certificates: [(files: CertificateFiles, facts: TLSCertificate.Facts)]
    var watch: FileWatchState

    /// What it is made from.
    enum Wanted: Equatable {
        case listener(String, ListenerTLS, Speech)
        case pool(String, PoolTLS, Speech, probes: Speech)

        /// What is spoken over TLS: HTTP/1, that or HTTP/2, HTTP/2 alone, or nobody knows.
        enum Speech: Equatable { case http1, http, http2, any }

        /// For the log.
        var name: String {
            switch self {
            case .listener(let name, _, _): "listener=\(name)"
            case .pool(let name, _, _, _): "pool=\(name)"
            }
        }

        /// The files in it.
        var files: [NamedFile] {
            switch self {
            case .listener(_, let tls, _):
                tls.certificates.flatMap { [$0.chain, $0.key] + ($0.ocsp.map { [$0] } ?? []) }
                    + (tls.clientCA.map { [$0] } ?? [])
            case .pool(_, let tls, _, _):
                (tls.certificate.map { [$0.chain, $0.key] } ?? []) + (tls.ca.map { [$0] } ?? [])
            }
        }
    }

    /// Nil, and the loader has the problems, if it cannot be made.
    init?(_ wanted: Wanted, tickets: TLSTickets, _ loader: inout TLSLoader) {
        self.wanted = wanted
        let stamps = TLSUnit.stamps(of: wanted)
        watch = FileWatchState(stamps: stamps)
        certificates = []
        do throws(TLSContextRefused) {
            switch wanted {
            case .listener(let name, let tls, let speech):
                let settings = TLSUnit.settings(name, tls, speech, &loader)
                guard var settings = settings else { return nil }
                settings.tickets = tickets
                certificates = zip(tls.certificates, settings.certificates.map(\.facts))
                    .map { ($0, $1) }
                context = try TLSContext(server: settings)
            case .pool(let name, let tls, let speech, let probes):
                let settled = TLSUnit.settings(name, tls, speech, &loader)
                guard var settings = settled else { return nil }
                if let files = tls.certificate, let shown = settings.certificate {
                    certificates = [(files, shown.facts)]
                }
                context = try TLSContext(client: settings)
                settings.protocols = probes == .http2 ? [.http2] : []
                probing = try TLSContext(client: settings)
            }
        } catch {
            loader.refuse(wanted)
            return nil
        }
    }

    /// How its files are now; nil where there is none.
    static func stamps(of wanted: Wanted) -> [String: FileStamp?] {
        var stamps: [String: FileStamp?] = [:]
        for file in wanted.files { stamps[file.path] = .some(FileStamp(of: file.path)) }
        return stamps
    }

    /// When the first of its OCSP responses is out of date, in seconds since 1970.
    var ocspEnd: Int64? { certificates.compactMap(\.facts.ocspNextUpdate).min() }

    private static func settings(
        _ name: String, _ tls: ListenerTLS, _ speech: Wanted.Speech, _ loader: inout TLSLoader
    ) -> TLSServerSettings? {
        let certificates = tls.certificates.map { loader.certificate($0) }
        let trust = tls.clientCA.map { loader.trust("client_ca", $0) }
        let found = certificates.compactMap(\.self)
        guard !found.isEmpty, found.count == certificates.count else { return nil }
        var settings = TLSServerSettings(certificates: found)
        settings.minorVersionMinimum = tls.minVersion.rawValue
        settings.speaksHTTP = speech != .any
        settings.offersHTTP2 = speech == .http
        settings.scope = name
        switch (tls.clientCertificates, trust) {
        case (.off, _): break
        case (.optional, let trust??): settings.clientCertificates = .optional(trust)
        case (.required, let trust??): settings.clientCertificates = .required(trust)
        default: return nil
        }
        // Who was let in by other rules must show the certificate again.
        if let ca = tls.clientCA, let stamp = loader.stamps[ca.path] {
            settings.scope += " \(tls.clientCertificates) \(stamp)"
        }
        return settings
    }

    private static func settings(
        _ name: String, _ tls: PoolTLS, _ speech: Wanted.Speech, _ loader: inout TLSLoader
    ) -> TLSClientSettings? {
        var settings = TLSClientSettings()
        // Whoever is offered nothing speaks HTTP/1, or whatever else the pool is for.
        switch speech {
        case .http: settings.protocols = [.http1, .http2]
        case .http2: settings.protocols = [.http2]
        case .http1, .any: break
        }
        if let files = tls.certificate {
            guard let certificate = loader.certificate(files) else { return nil }
            settings.certificate = certificate
        }
        guard tls.verifies else { return settings }
        let trust =
            tls.ca.map { loader.trust("ca", $0) } ?? loader.systemTrust(for: name, tls.place)
        guard let trust else { return nil }
        settings.trust = trust
        return settings
    }
}
