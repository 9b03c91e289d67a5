internal import CLinux
internal import COpenSSL

/// What all TLS connections of one listener, or to one pool, have in common. It never changes;
/// connections that it has made keep what they need of it.
@safe
public final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// For the server's end.
    ///
    /// - Throws: if OpenSSL refuses a part of it, which says nothing more.
    public init(server settings: TLSServerSettings) throws(TLSContextRefused) {
        weir_tls_start()
        var options = unsafe settings.options
        guard let pointer = unsafe weir_tls_server_new(&options) else { throw TLSContextRefused() }
        do throws(TLSContextRefused) {
            unsafe try TLSContext.add(settings, to: pointer)
        } catch {
            unsafe weir_tls_context_free(pointer)
            throw error
        }
        unsafe self.pointer = pointer
    }

    /// For the client's end.
    public init(client settings: TLSClientSettings) throws(TLSContextRefused) {
        weir_tls_start()
        var options = unsafe weir_client_options()
        unsafe options.verifies = settings.trust == nil ? 0 : 1
        unsafe options.offers_http1 = settings.protocols.contains(.http1) ? 1 : 0
        unsafe options.offers_http2 = settings.protocols.contains(.http2) ? 1 : 0
        unsafe options.trust = settings.trust?.pointer
        unsafe options.certificate = settings.certificate?.pointer
        guard let pointer = unsafe weir_tls_client_new(&options) else { throw TLSContextRefused() }
        unsafe self.pointer = pointer
    }

    deinit { unsafe weir_tls_context_free(pointer) }

    private static func add(
        _ settings: TLSServerSettings, to pointer: OpaquePointer
    ) throws(TLSContextRefused) {
        let names = TLSNames(settings.certificates.map(\.facts))
        for group in names.groups {
            let certificates = unsafe group.map {
                unsafe Optional(settings.certificates[$0].pointer)
            }
            let number = unsafe certificates.withUnsafeBufferPointer {
                unsafe weir_tls_server_add(
                    pointer, settings.clientCertificates.trust?.pointer, $0.baseAddress,
                    Int32($0.count))
            }
            guard number >= 0 else { throw TLSContextRefused() }
        }
        for entry in names.names {
            unsafe weir_tls_server_name(pointer, entry.name, Int32(entry.group))
        }
        unsafe weir_tls_server_seal(pointer)
    }
}

/// OpenSSL does not take these settings.
public struct TLSContextRefused: Error {
    init() {}
}

/// Of the server's end.
public struct TLSServerSettings: Sendable {
    /// At least one; the first is for clients that ask for no name that any of them has.
    public var certificates: [TLSCertificate]
    /// 2 or 3.
    public var minorVersionMinimum = 2
    public var speaksHTTP = true
    /// HTTP/2 is offered beside HTTP/1.1 (ALPN).
    public var offersHTTP2 = false
    public var clientCertificates = ClientCertificates.off
    /// nil: sessions are not resumed.
    public var tickets: TLSTickets?
    /// Sessions are resumed where this is the same, with other settings too.
    public var scope = ""

    /// Whether clients show certificates.
    public enum ClientCertificates: Sendable {
        case off
        case optional(TLSTrust)
        case required(TLSTrust)

        var trust: TLSTrust? {
            switch self {
            case .off: nil
            case .optional(let trust), .required(let trust): trust
            }
        }
    }

    public init(certificates: [TLSCertificate]) { self.certificates = certificates }

    fileprivate var options: weir_server_options {
        var options = unsafe weir_server_options()
        unsafe options.min_version = Int32(minorVersionMinimum)
        unsafe options.speaks_http = speaksHTTP ? 1 : 0
        unsafe options.offers_http2 = offersHTTP2 ? 1 : 0
        let wanted =
            switch clientCertificates {
            case .off: WEIR_CLIENT_OFF
            case .optional: WEIR_CLIENT_OPTIONAL
            case .required: WEIR_CLIENT_REQUIRED
            }
        unsafe options.client_certificates = Int32(wanted.rawValue)
        unsafe options.tickets = tickets?.pointer
        let bytes = Array(scope.utf8)
        unsafe withUnsafeMutableBytes(of: &options.scope) { scope in
            unsafe bytes.withUnsafeBytes {
                unsafe weir_digest(
                    $0.baseAddress, $0.count, scope.assumingMemoryBound(to: UInt8.self).baseAddress)
            }
        }
        return unsafe options
    }
}

/// Of the client's end.
public struct TLSClientSettings: Sendable {
    /// What servers are verified against; nil: not at all.
    public var trust: TLSTrust?
    /// What is shown to servers that ask for one.
    public var certificate: TLSCertificate?
    /// What is offered (ALPN); empty: nothing is said.
    public var protocols: Set<Spoken> = []

    /// What may be spoken over TLS.
    public enum Spoken: Sendable {
        case http1, http2
    }

    public init() {}
}

/// Which certificates are for which names.
struct TLSNames: Equatable {
    /// Positions of certificates of different kinds that stand for the same names. The first group
    /// is the one for all other names.
    private(set) var groups: [[Int]] = []
    private(set) var names: [Entry] = []

    struct Entry: Equatable {
        var name: String
        var group: Int
    }

    init(_ certificates: [TLSCertificate.Facts]) {
        func holders(of name: String) -> [Int] {
            var kinds: Set<TLSCertificate.KeyKind> = []
            return certificates.indices.filter {
                certificates[$0].names.contains(name) && kinds.insert(certificates[$0].key).inserted
            }
        }
        groups = [certificates.first?.names.first.map(holders) ?? [0]]
        var seen: Set<String> = []
        for name in certificates.flatMap(\.names) where seen.insert(name).inserted {
            let holders = holders(of: name)
            if let group = groups.firstIndex(of: holders) {
                names.append(Entry(name: name, group: group))
            } else {
                names.append(Entry(name: name, group: groups.count))
                groups.append(holders)
            }
        }
    }
}

/// The keys that session tickets are made with; shared by all workers, never written anywhere but
/// into the memory of the process that takes this one's place.
///
/// Made and rotated by one thread.
@safe
public final class TLSTickets: @unchecked Sendable {
    /// Keys in use at once: one that makes tickets, and those before it that still read them.
    public static let keysMaximum = 4
    let pointer: OpaquePointer
    private let keys = TicketKeys()

    public init() throws(TLSContextRefused) {
        guard let pointer = unsafe weir_tickets_new() else { throw TLSContextRefused() }
        unsafe self.pointer = pointer
        rotate()
    }

    deinit { unsafe weir_tickets_free(pointer) }

    /// Makes a new key, and forgets the oldest. Not more often than once a minute: a worker may be
    /// reading the old ones.
    public func rotate() { unsafe keys.rotate(pointer) }

    /// The keys, the newest first. Secret.
    public var secret: [UInt8] { keys.bytes }

    /// Goes on with the keys of another process; before any connection. Bytes that are no keys
    /// change nothing.
    public func adopt(secret: [UInt8]) {
        let size = Int(WEIR_TICKET_KEY_BYTES)
        guard !secret.isEmpty, secret.count.isMultiple(of: size),
            secret.count / size <= TLSTickets.keysMaximum
        else { return }
        unsafe keys.set(secret, pointer)
    }
}

/// The bytes of the keys, the newest first; used by the thread that rotates them.
private final class TicketKeys: @unchecked Sendable {
    private(set) var bytes: [UInt8] = []

    func rotate(_ pointer: OpaquePointer) {
        var fresh = [UInt8](repeating: 0, count: Int(WEIR_TICKET_KEY_BYTES))
        let count = unsafe fresh.withUnsafeMutableBytes {
            unsafe weir_random($0.baseAddress, $0.count)
        }
        precondition(Int(count) == fresh.count, "no random bytes")
        unsafe set(Array((fresh + bytes).prefix(TLSTickets.keysMaximum * fresh.count)), pointer)
    }

    func set(_ all: [UInt8], _ pointer: OpaquePointer) {
        bytes = all
        let keys = Int32(bytes.count / Int(WEIR_TICKET_KEY_BYTES))
        unsafe bytes.withUnsafeBufferPointer {
            unsafe weir_tickets_set(pointer, $0.baseAddress, keys)
        }
    }
}
