extension ListenerTLS {
    static let section = Section<ListenerTLS>(
        "listeners.NAME.tls",
        [
            Key("certificates", \.certificates, ValueKind.certificate.listOrOne),
            Key("min_version", \.minVersion, .word(["1.2": .tls12, "1.3": .tls13])),
            Key(
                "client_certificates", \.clientCertificates,
                .word(["off": .off, "false": .off, "optional": .optional, "required": .required])),
            Key("client_ca", \.clientCA, .file),
            Key("hsts", \.hstsMilliseconds, ValueKind.age.orNil(["off", "false"])),
        ])

    /// What is to be seen only when all of it is read.
    func check(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        guard case .mapping = entry.value.content else { return }
        if entry.value.entry("certificates") == nil {
            reading.report(
                entry.keyMark,
                "'tls' has no 'certificates', such as [{ chain: chain.pem, key: key.pem }]")
        }
        let ca = entry.value.entry("client_ca")
        if let wanted = entry.value.entry("client_certificates"), clientCertificates != .off,
            ca == nil
        {
            reading.report(wanted.keyMark, "'client_certificates' needs 'client_ca: FILE'")
        }
        if let ca, clientCertificates == .off {
            reading.report(
                ca.keyMark, "'client_ca' is for 'client_certificates: optional' or 'required'")
        }
    }
}

/// What a pair of files says, before it is known to be whole.
struct CertificateDraft: Sendable {
    var chain: NamedFile?
    var key: NamedFile?
    var ocsp: NamedFile?

    static let ofListener = Section<CertificateDraft>(
        "listeners.NAME.tls.certificates[]",
        [Key("chain", \.chain, .file), Key("key", \.key, .file), Key("ocsp", \.ocsp, .file)])

    static let ofPool = Section<CertificateDraft>(
        "pools.NAME.tls.certificate",
        [Key("chain", \.chain, .file), Key("key", \.key, .file)])
}

extension ValueKind<CertificateFiles> {
    static var certificate: ValueKind { pair(CertificateDraft.ofListener) }
    static var clientCertificate: ValueKind { pair(CertificateDraft.ofPool) }

    private static func pair(_ section: Section<CertificateDraft>) -> ValueKind {
        let accepted = "{ chain: FILE, key: FILE }"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping = node.content else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var draft = CertificateDraft()
            section.read(node, into: &draft, &reading)
            for key in ["chain", "key"] where node.entry(key) == nil {
                reading.report(node.mark, "a certificate without '\(key)'; accepted is \(accepted)")
            }
            guard let chain = draft.chain, let key = draft.key else { return nil }
            return CertificateFiles(chain: chain, key: key, ocsp: draft.ocsp)
        }
    }
}

extension PoolTLS {
    static let section = Section<PoolTLS>(
        "pools.NAME.tls",
        [
            Key("ca", \.ca, .file),
            Key("server_name", \.serverName, .text),
            Key("certificate", \.certificate, .clientCertificate),
            Key("verify", \.verifies, .onOff),
        ])
}

extension ValueKind<PoolTLS?> {
    static var poolTLS: ValueKind {
        let accepted = "on, off, or a mapping such as { ca: FILE }"
        return ValueKind(accepted: accepted) { node, reading in
            if ["off", "false"].contains(node.text) { return .some(nil) }
            var tls = PoolTLS()
            tls.place = NamedFile.Place(file: reading.file, mark: node.mark)
            if ["on", "true"].contains(node.text) { return tls }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            PoolTLS.section.read(node, into: &tls, &reading)
            if !tls.verifies, let ca = node.entry("ca") {
                reading.report(ca.keyMark, "'ca' says nothing with 'verify: off'; keep one")
            }
            return tls
        }
    }
}

extension ValueKind<NamedFile> {
    static var file: ValueKind {
        let path = ValueKind<String>.filePath
        return ValueKind(accepted: path.accepted) { node, reading in
            path.read(node, &reading).map {
                NamedFile($0, place: NamedFile.Place(file: reading.file, mark: node.mark))
            }
        }
    }
}

extension ValueKind<Int> {
    /// Milliseconds, up to ten years.
    fileprivate static var age: ValueKind {
        ValueKind(scalar: "a time from 0s to 3650d, such as 365d") { text throws(Refusal) in
            try Quantity.longTime.parse(text, in: 0...315_360_000_000)
        }
    }
}

extension ValueKind<UInt16> {
    /// Where https is: `on` is its usual port.
    static var redirect: ValueKind {
        ValueKind<Int>.count(1...65_535).or(["on", "true"], 443).or(["off", "false"], 0)
            .map { UInt16($0) }
    }
}
