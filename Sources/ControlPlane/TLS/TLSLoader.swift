internal import Transport

/// Reads certificates, keys and trusted certificates from files, and says of each that is not used
/// why, at the place of the configuration that names it.
struct TLSLoader {
    /// Seconds since 1970.
    let now: Int64
    private(set) var problems: [ConfigurationProblem] = []
    /// What is used all the same, if there is nothing better: certificates that are out of date.
    private(set) var doubts: [ConfigurationProblem] = []
    /// All files that were read, as they were before.
    private(set) var stamps: [String: FileStamp] = [:]

    init(now: Int64) { self.now = now }

    mutating func certificate(_ files: CertificateFiles) -> TLSCertificate? {
        let chain = bytes("chain", files.chain)
        let key = bytes("key", files.key)
        let ocsp = files.ocsp.flatMap { bytes("ocsp", $0) }
        guard let chain, let key, files.ocsp == nil || ocsp != nil else { return nil }
        do throws(TLSCertificateProblem) {
            let certificate = try TLSCertificate(chain: chain, key: key, ocsp: ocsp)
            checkDates(certificate.facts, files)
            guard let ocsp = files.ocsp, let end = certificate.facts.ocspNextUpdate, end <= now
            else { return certificate }
            // Clients that get an old one take the certificate for revoked.
            let since = WallClock.timestamp(seconds: end)
            doubts.append(ocsp.problem("ocsp: \(ocsp.path) is out of date since \(since)"))
            return try TLSCertificate(chain: chain, key: key)
        } catch {
            problems.append(files.problem(error))
            return nil
        }
    }

    mutating func trust(_ what: String, _ file: NamedFile) -> TLSTrust? {
        guard let bytes = bytes(what, file) else { return nil }
        do throws(TLSTrustProblem) {
            return try TLSTrust(pem: bytes)
        } catch {
            let reason =
                switch error {
                case .notPEM: "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
                case .malformed: "holds something that is no certificate"
                case .outOfMemory: "does not fit into memory"
                }
            problems.append(file.problem("\(what): \(file.path) \(reason)"))
            return nil
        }
    }

    /// The system's store, wherever this system has it.
    mutating func systemTrust(for pool: String, _ file: NamedFile.Place) -> TLSTrust? {
        for path in SystemTrust.paths where FileStamp(of: path) != nil {
            return trust("tls", NamedFile(path, place: file))
        }
        let known = SystemTrust.paths.joined(separator: ", ")
        problems.append(
            NamedFile("", place: file).problem(
                "tls: there are no trusted certificates of the system to verify pool '\(pool)' by"
                    + " (\(known)); add 'ca: FILE', or 'verify: off'"))
        return nil
    }

    /// OpenSSL does not take it as a whole.
    mutating func refuse(_ wanted: TLSUnit.Wanted) {
        let place = wanted.files.first?.place ?? NamedFile.Place()
        problems.append(
            NamedFile("", place: place).problem(
                "tls: OpenSSL refuses the settings of \(wanted.name)"))
    }

    /// What is only a doubt at the start is a problem where something better is in use.
    mutating func resolveDoubts(from first: Int) {
        problems += doubts[first...]
        doubts.removeSubrange(first...)
    }

    private mutating func bytes(_ what: String, _ file: NamedFile) -> [UInt8]? {
        stamps[file.path] = FileStamp(of: file.path)
        do throws(ConfigurationFile.Failure) {
            return try ConfigurationFile.bytes(file.path)
        } catch {
            problems.append(file.problem("\(what): \(file.path) \(error.message)"))
            return nil
        }
    }

    private mutating func checkDates(_ facts: TLSCertificate.Facts, _ files: CertificateFiles) {
        let path = files.chain.path
        if facts.notAfter <= now {
            let end = WallClock.timestamp(seconds: facts.notAfter)
            doubts.append(
                files.chain.problem("chain: the certificate in \(path) expired at \(end)"))
        } else if facts.notBefore > now {
            let start = WallClock.timestamp(seconds: facts.notBefore)
            doubts.append(
                files.chain.problem(
                    "chain: the certificate in \(path) is not valid before \(start)"))
        }
    }
}

/// Where systems keep the certificates that all programs trust.
enum SystemTrust {
    static let paths = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ]
}

extension CertificateFiles {
    /// At the file that has to be changed.
    fileprivate func problem(_ problem: TLSCertificateProblem) -> ConfigurationProblem {
        let ocsp = ocsp ?? chain
        return switch problem {
        case .chainNotPEM:
            chain.problem(
                "chain: \(chain.path) holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
        case .chainMalformed:
            chain.problem("chain: \(chain.path) holds something that is no certificate")
        case .chainTooLong:
            chain.problem("chain: \(chain.path) holds more than 10 certificates")
        case .chainBroken(let place):
            chain.problem(
                "chain: in \(chain.path) certificate \(place) is not issued by certificate"
                    + " \(place + 1); accepted is the server's own first, then its issuer's")
        case .keyNotPEM:
            key.problem(
                "key: \(key.path) holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
        case .keyEncrypted:
            key.problem("key: \(key.path) has a pass phrase; accepted is a key without one")
        case .keyOfAnother:
            key.problem(
                "key: \(key.path) does not belong to the first certificate in \(chain.path)")
        case .keyTooWeak:
            key.problem("key: \(key.path) is too weak; accepted are RSA from 2048 bits and ECDSA")
        case .ocspMalformed:
            ocsp.problem("ocsp: \(ocsp.path) holds no OCSP response (DER)")
        case .ocspUnsuccessful:
            ocsp.problem("ocsp: \(ocsp.path) is a response without an answer")
        case .ocspOfAnother:
            ocsp.problem("ocsp: \(ocsp.path) is not about the first certificate in \(chain.path)")
        case .outOfMemory: chain.problem("chain: \(chain.path) does not fit into memory")
        }
    }
}
