/// The values behind the addresses of a PROXY header of version 2: a type, a length, and bytes.
public enum ProxyValues {
    static let protocolInUse: UInt8 = 0x01
    static let authority: UInt8 = 0x02
    static let checksum: UInt8 = 0x03
    static let uniqueID: UInt8 = 0x05
    static let tls: UInt8 = 0x20
    static let tlsVersion: UInt8 = 0x21
    static let tlsCommonName: UInt8 = 0x22
    private static let uniqueIDBytesMaximum = 128

    /// Bits of the first byte of the value about TLS.
    static let spokeTLS: UInt8 = 0x01
    static let showedCertificate: UInt8 = 0x02
    static let showedCertificateInSession: UInt8 = 0x04

    struct Facts {
        var isSecure = false
    }

    /// Goes through all of `header` from `start` on.
    static func check(_ header: Span<UInt8>, from start: Int) throws(ProxyHeaderError) -> Facts {
        var facts = Facts()
        var seen: Set<UInt8> = []
        var walk = Walk(header, start)
        while let value = try walk.next() {
            let isOurs = [authority, checksum, uniqueID, tls].contains(value.type)
            // Whatever stands here twice could be believed in two ways.
            if isOurs, !seen.insert(value.type).inserted { throw .malformedValues }
            switch value.type {
            case checksum:
                guard value.range.count == 4 else { throw .malformedValues }
                let said = header.number32(at: value.range.lowerBound)
                guard CRC32C.of(header, zeroing: value.range) == said else { throw .wrongChecksum }
            case authority:
                guard !value.range.isEmpty else { throw .malformedValues }
            case uniqueID:
                guard value.range.count <= uniqueIDBytesMaximum else { throw .malformedValues }
            case tls:
                facts.isSecure = try checkTLS(header, value.range)
            default: break
            }
        }
        return facts
    }

    /// - Returns: whether the client spoke TLS.
    private static func checkTLS(
        _ header: Span<UInt8>, _ range: Range<Int>
    ) throws(ProxyHeaderError) -> Bool {
        guard range.count >= 5 else { throw .malformedValues }
        var walk = Walk(header.extracting(first: range.upperBound), range.lowerBound + 5)
        while try walk.next() != nil {}
        return header[range.lowerBound] & spokeTLS != 0
    }

    /// Those values of a header, as they came, that go on to an upstream which wants a header of
    /// version 2: who was asked for, what is known of TLS, and the id of the connection.
    public static func passedOn(_ bytes: Span<UInt8>, _ header: ProxyHeader) -> [UInt8] {
        var kept: [UInt8] = []
        var walk = Walk(bytes.extracting(first: header.values.upperBound), header.values.lowerBound)
        do throws(ProxyHeaderError) {
            while let value = try walk.next() {
                guard [authority, uniqueID, tls].contains(value.type) else { continue }
                for index in value.range.lowerBound - 3..<value.range.upperBound {
                    kept.append(bytes[index])
                }
            }
        } catch {
            preconditionFailure("the values of a header are those that it was read with")
        }
        return kept
    }

    /// Of values that were passed on, the id of the connection, if it is among them.
    public static func connectionID(in values: [UInt8]) -> ArraySlice<UInt8> {
        var position = 0
        while position + 3 <= values.count {
            let length = Int(values[position + 1]) << 8 | Int(values[position + 2])
            let end = min(position + 3 + length, values.count)
            if values[position] == uniqueID { return values[position..<end] }
            position = end
        }
        return []
    }

    /// From one value to the next.
    private struct Walk: ~Escapable {
        let bytes: Span<UInt8>
        private(set) var position: Int

        @_lifetime(copy bytes)
        init(_ bytes: Span<UInt8>, _ start: Int) {
            self.bytes = bytes
            position = start
        }

        mutating func next() throws(ProxyHeaderError) -> (type: UInt8, range: Range<Int>)? {
            guard position < bytes.count else { return nil }
            guard position + 3 <= bytes.count else { throw .malformedValues }
            let start = position + 3
            let end = start + Int(bytes.number16(at: position + 1))
            guard end <= bytes.count else { throw .malformedValues }
            let type = bytes[position]
            position = end
            return (type, start..<end)
        }
    }
}

/// What an upstream is told of the TLS that a client spoke with weir.
public struct ProxyTLS: Equatable, Sendable {
    /// Such as `TLSv1.3`.
    public var version: String
    /// The certificate that it showed, and that was verified.
    public var certificate: Certificate
    /// That of the certificate's subject; empty if there is none.
    public var commonName: String

    /// When a client has shown its certificate.
    public enum Certificate: Sendable {
        case none
        case onThisConnection
        /// On an earlier one, whose session this one has resumed.
        case inSession
    }

    public init(version: String, certificate: Certificate, commonName: String = "") {
        self.version = version
        self.certificate = certificate
        self.commonName = commonName
    }
}

extension ProxyValues {
    /// The values that say this, for a header of version 2.
    ///
    /// - Parameters:
    ///   - spoken: what the bytes behind the header are, as ALPN has it; empty: nobody knows.
    ///   - authority: the name that the client asked for by SNI; empty if it did not.
    ///   - tls: nil if it spoke none.
    public static func describing(
        spoken: String = "", authority: String, tls: ProxyTLS?
    ) -> [UInt8] {
        var values: [UInt8] = []
        if !spoken.isEmpty { append(protocolInUse, Array(spoken.utf8), to: &values) }
        if !authority.isEmpty { append(self.authority, Array(authority.utf8), to: &values) }
        if let tls {
            let shown: UInt8 =
                switch tls.certificate {
                case .none: 0
                case .onThisConnection: showedCertificate | showedCertificateInSession
                case .inSession: showedCertificateInSession
                }
            // The number behind it is zero where a certificate was verified.
            var about: [UInt8] = [spokeTLS | shown, 0, 0, 0, shown == 0 ? 1 : 0]
            append(tlsVersion, Array(tls.version.utf8), to: &about)
            if !tls.commonName.isEmpty {
                append(tlsCommonName, Array(tls.commonName.utf8), to: &about)
            }
            append(self.tls, about, to: &values)
        }
        return values
    }

    private static func append(_ type: UInt8, _ value: [UInt8], to values: inout [UInt8]) {
        let value = value.prefix(1_024)
        values += [type, UInt8(value.count >> 8), UInt8(truncatingIfNeeded: value.count)] + value
    }
}
