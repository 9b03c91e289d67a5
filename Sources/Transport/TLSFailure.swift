internal import COpenSSL

/// Why TLS with the other side came to nothing.
public struct TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Who or what it was.
    public enum Kind: UInt8, Sendable {
        /// The other side closed or reset the connection.
        case closed
        /// There was nothing that both sides could agree on, or what came was not TLS.
        case protocolError
        /// The other side's certificate was not accepted.
        case certificate
        /// The other side sent an alert.
        case alert
    }

    public let kind: Kind
    /// Which one of the kind: for `text`.
    public let detail: Int32

    public init(kind: Kind, detail: Int32) {
        self.kind = kind
        self.detail = detail
    }

    /// The other side does not speak what it is to speak (ALPN).
    public static let noCommonProtocol = TLSFailure(
        kind: .alert, detail: Int32(WEIR_ALERT_NO_PROTOCOL))

    init(of tls: OpaquePointer) {
        switch unsafe weir_tls_failure(tls) {
        case WEIR_TLS_CERTIFICATE: kind = .certificate
        case WEIR_TLS_ALERT: kind = .alert
        case WEIR_TLS_PROTOCOL: kind = .protocolError
        default: kind = .closed
        }
        detail = unsafe weir_tls_failure_detail(tls)
    }

    /// What came was an HTTP request that was not encrypted.
    public var isPlainHTTP: Bool { kind == .protocolError && weir_tls_is_plain_http(detail) != 0 }

    /// One number for all of it, to pass it on by.
    public var code: Int32 { Int32(kind.rawValue) << 24 | detail & 0xff_ffff }

    /// The inverse of `code`.
    public init(code: Int32) {
        kind = Kind(rawValue: UInt8(truncatingIfNeeded: code >> 24)) ?? .protocolError
        detail = code & 0xff_ffff
    }

    /// For a person, such as `certificate has expired`.
    public var description: String {
        let failure =
            switch kind {
            case .closed: WEIR_TLS_CLOSED
            case .protocolError: WEIR_TLS_PROTOCOL
            case .certificate: WEIR_TLS_CERTIFICATE
            case .alert: WEIR_TLS_ALERT
            }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            let count = unsafe weir_tls_failure_text(failure, detail, text.baseAddress, text.count)
            return unsafe String(
                decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
