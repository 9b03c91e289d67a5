/// A file that the configuration names, and the place where it does, for messages.
public struct NamedFile: Hashable, Sendable {
    public var path: String
    public var place: Place

    /// A place of the configuration. All are alike: where something stands is of no account for
    /// whether two configurations are the same.
    public struct Place: Hashable, Sendable {
        var file = ""
        var mark = Mark.start

        public init() {}

        init(file: String, mark: Mark) {
            self.file = file
            self.mark = mark
        }

        public static func == (left: Self, right: Self) -> Bool { true }
        /// Nothing of it, as in `==`.
        public func hash(into hasher: inout Hasher) {}
    }

    /// - Parameter place: for messages.
    public init(_ path: String, place: Place = Place()) {
        self.path = path
        self.place = place
    }

    /// Something wrong with it.
    func problem(_ message: String) -> ConfigurationProblem {
        ConfigurationProblem(
            file: place.file, line: place.mark.line, column: place.mark.column, message: message)
    }
}

/// A chain of certificates and its key.
public struct CertificateFiles: Hashable, Sendable {
    public var chain: NamedFile
    public var key: NamedFile
    /// The response of an OCSP responder, to be shown with the certificate.
    public var ocsp: NamedFile?
}

/// How a listener speaks TLS.
public struct ListenerTLS: Equatable, Sendable {
    /// The first is for clients that ask for a name which none of them has.
    public var certificates: [CertificateFiles] = []
    public var minVersion = Version.tls12
    public var clientCertificates = ClientCertificates.off
    /// Who may have signed certificates of clients.
    public var clientCA: NamedFile?
    /// How long clients are told to keep to https; nil: they are not.
    public var hstsMilliseconds: Int?

    /// The oldest version that is spoken.
    public enum Version: Int, Sendable {
        case tls12 = 2
        case tls13 = 3
    }

    /// Whether clients are asked for certificates.
    public enum ClientCertificates: Sendable {
        case off, optional, required
    }

    public init() {}
}

/// How the replicas of a pool are spoken to by TLS.
public struct PoolTLS: Equatable, Sendable {
    /// What their certificates are verified against; nil: the system's store.
    public var ca: NamedFile?
    /// What their certificates must be for; nil: the name or address under `discover`.
    public var serverName: String?
    /// What is shown to replicas that ask for a certificate.
    public var certificate: CertificateFiles?
    /// Off: any certificate will do, so that whoever is in between can read along.
    public var verifies = true
    /// Where it is asked for.
    var place = NamedFile.Place()

    public init() {}
}
