internal import COpenSSL

/// A chain of certificates with its key, which fit together.
@safe
public final class TLSCertificate: @unchecked Sendable {
    public let facts: Facts
    let pointer: OpaquePointer

    /// What is told of it.
    public struct Facts: Equatable, Sendable {
        /// DNS names in lower case, `*.example.com` among them; the common name where there are
        /// none.
        public var names: [String]
        /// When it begins and ceases to be valid; seconds since 1970.
        public var notBefore: Int64
        public var notAfter: Int64
        public var key: KeyKind
        public var keyBits: Int
        /// SHA-256 of the certificate.
        public var fingerprint: [UInt8]
        /// When the response of OCSP is out of date; nil: there is none, or it does not say.
        public var ocspNextUpdate: Int64?
    }

    /// What it is signed with; a server may have one of each for the same name.
    public enum KeyKind: String, Sendable {
        case rsa = "RSA"
        case ecdsa = "ECDSA"
        case eddsa = "EdDSA"
        case other = "other"
    }

    /// - Parameters:
    ///   - chain: PEM, the server's own certificate first, then its issuer's, and so on.
    ///   - key: PEM, without a pass phrase.
    ///   - ocsp: the response of an OCSP responder about the first certificate, in DER.
    /// - Throws: what does not fit. Dates are not looked at.
    public init(chain: [UInt8], key: [UInt8], ocsp: [UInt8]? = nil) throws(TLSCertificateProblem) {
        weir_tls_start()
        var facts = weir_certificate_facts()
        var problem = WEIR_CERTIFICATE_FITS
        let loaded = unsafe chain.withUnsafeBytes { chain in
            unsafe key.withUnsafeBytes { key in
                unsafe (ocsp ?? []).withUnsafeBytes { ocsp in
                    unsafe weir_certificate_load(
                        chain.baseAddress, chain.count, key.baseAddress, key.count,
                        ocsp.isEmpty ? nil : ocsp.baseAddress, ocsp.count, &problem, &facts)
                }
            }
        }
        guard let pointer = unsafe loaded else {
            throw TLSCertificateProblem(problem, brokenAt: Int(facts.broken_at))
        }
        unsafe self.pointer = pointer
        self.facts = unsafe Facts(facts, names: TLSCertificate.names(of: pointer))
    }

    deinit { unsafe weir_certificate_free(pointer) }

    private static func names(of pointer: OpaquePointer) -> [String] {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65_536) { text in
            let count = unsafe weir_certificate_names(pointer, text.baseAddress, text.count)
            let bytes = unsafe text.prefix(count).map { UInt8(bitPattern: $0) }
            return bytes.split(separator: 10).map {
                String(decoding: $0, as: UTF8.self).lowercased()
            }
        }
    }
}

extension TLSCertificate.Facts {
    fileprivate init(_ facts: weir_certificate_facts, names: [String]) {
        self.names = names
        notBefore = facts.not_before
        notAfter = facts.not_after
        keyBits = Int(facts.key_bits)
        switch UInt32(bitPattern: facts.key_kind) {
        case WEIR_KEY_RSA.rawValue: key = .rsa
        case WEIR_KEY_ECDSA.rawValue: key = .ecdsa
        case WEIR_KEY_EDDSA.rawValue: key = .eddsa
        default: key = .other
        }
        var digest = facts.fingerprint
        fingerprint = unsafe withUnsafeBytes(of: &digest) { unsafe Array($0) }
        ocspNextUpdate = facts.ocsp_next_update == 0 ? nil : facts.ocsp_next_update
    }
}

/// Why a chain, a key and an OCSP response are not used.
public enum TLSCertificateProblem: Error, Equatable, Sendable {
    case chainNotPEM
    case chainMalformed
    case chainTooLong
    /// The certificate at this place, counted from 1, is not issued by the next.
    case chainBroken(at: Int)
    case keyNotPEM
    case keyEncrypted
    case keyOfAnother
    case keyTooWeak
    case ocspMalformed
    case ocspUnsuccessful
    case ocspOfAnother
    case outOfMemory

    init(_ problem: weir_certificate_problem, brokenAt: Int) {
        switch problem {
        case WEIR_CHAIN_NOT_PEM: self = .chainNotPEM
        case WEIR_CHAIN_MALFORMED: self = .chainMalformed
        case WEIR_CHAIN_TOO_LONG: self = .chainTooLong
        case WEIR_CHAIN_BROKEN: self = .chainBroken(at: brokenAt + 1)
        case WEIR_KEY_NOT_PEM: self = .keyNotPEM
        case WEIR_KEY_ENCRYPTED: self = .keyEncrypted
        case WEIR_KEY_OF_ANOTHER: self = .keyOfAnother
        case WEIR_KEY_TOO_WEAK: self = .keyTooWeak
        case WEIR_OCSP_MALFORMED: self = .ocspMalformed
        case WEIR_OCSP_UNSUCCESSFUL: self = .ocspUnsuccessful
        case WEIR_OCSP_OF_ANOTHER: self = .ocspOfAnother
        default: self = .outOfMemory
        }
    }
}

/// Certificates that others are verified against.
@safe
public final class TLSTrust: @unchecked Sendable {
    let pointer: OpaquePointer

    /// - Parameter pem: certificates in PEM, at least one.
    /// - Throws: if it holds none, or something that is no certificate.
    public init(pem: [UInt8]) throws(TLSTrustProblem) {
        weir_tls_start()
        guard let pointer = unsafe weir_trust_new() else { throw .outOfMemory }
        let count = unsafe pem.withUnsafeBytes {
            unsafe weir_trust_add(pointer, $0.baseAddress, $0.count)
        }
        guard count > 0 else {
            unsafe weir_trust_free(pointer)
            throw count == 0 ? .notPEM : .malformed
        }
        unsafe self.pointer = pointer
    }

    deinit { unsafe weir_trust_free(pointer) }
}

/// Why a file of trusted certificates is not used.
public enum TLSTrustProblem: Error, Equatable, Sendable {
    case notPEM
    case malformed
    case outOfMemory
}
