import Glibc
import TestSupport
import Testing

@testable import Transport

/// Of a connection. The tests' own wire has the same name.
private typealias End = Transport.Wire

/// Two ends of a TLS connection on loopback, which take turns.
private final class Pair {
    let connection: Connection
    let client: End
    let server: End
    var clientEnd = TLSHandshake.waiting
    var serverEnd = TLSHandshake.waiting
    private var buffer = Buffer.allocate(capacity: 65_536)

    init(
        _ serverContext: TLSContext, _ clientContext: TLSContext, name: String = "example.com",
        resuming session: TLSSession? = nil
    ) throws {
        connection = try Connection()
        var watch = try Watch(connection.client)
        try watch.all(of: .writable)
        client = try #require(
            End(
                connecting: connection.client, by: clientContext, name: name, resuming: session))
        server = try #require(
            End(accepting: connection.server, by: serverContext))
        connection.hasGivenEndsAway = true
        try eventually("both ends know how it went") {
            if clientEnd == .waiting { clientEnd = client.handshake() }
            if serverEnd == .waiting { serverEnd = server.handshake() }
            if case .failed = clientEnd { return true }
            if case .failed = serverEnd { return true }
            return clientEnd == .done && serverEnd == .done
        }
    }

    deinit {
        client.close()
        server.close()
        buffer.deallocate()
    }

    // Questions to the pair, which keep it until they are answered.

    var hasClientCertificate: Bool { server.hasPeerCertificate }
    var isResumed: Bool { server.isResumed }

    /// What comes to the end of `wire` until `count` bytes are there, or the end.
    func receive(_ count: Int, from wire: End) throws -> [UInt8] {
        var received: [UInt8] = []
        try eventually("\(count) bytes") {
            buffer.clear()
            switch wire.receive(into: &buffer) {
            case .bytes: unsafe buffer.bytes.withUnsafeBytes { unsafe received += $0 }
            case .wouldBlock: break
            case .endOfStream: return true
            case .failed(let code): throw SystemError("receive", code: code)
            }
            return received.count >= count
        }
        return received
    }

    /// What the next receive comes to that is not `wouldBlock`.
    func outcome(of wire: End) throws -> TransferResult {
        var result = TransferResult.wouldBlock
        try eventually("something comes") {
            buffer.clear()
            result = wire.receive(into: &buffer)
            return result != .wouldBlock
        }
        return result
    }
}

@Suite("TLS", .serialized) struct TLSTests {
    private static let certificates = Result { try TestCertificates.common() }
    private let files: TestCertificates

    init() throws { files = try Self.certificates.get() }

    private func certificate(_ name: String) throws -> TLSCertificate {
        try TLSCertificate(chain: files.bytes("\(name).pem"), key: files.bytes("\(name).key"))
    }

    private func server(
        _ names: [String] = ["ecdsa"], _ change: (inout TLSServerSettings) throws -> Void = { _ in }
    ) throws -> TLSContext {
        var settings = TLSServerSettings(certificates: try names.map(certificate))
        try change(&settings)
        return try TLSContext(server: settings)
    }

    private func client(
        _ change: (inout TLSClientSettings) throws -> Void = { _ in }
    ) throws -> TLSContext {
        var settings = TLSClientSettings()
        settings.trust = try TLSTrust(pem: files.bytes("ca.pem"))
        try change(&settings)
        return try TLSContext(client: settings)
    }

    @Test("Bytes pass both ways, and a whole receive leaves nothing behind")
    func bothWays() throws {
        let pair = try Pair(server(), client())
        let message = bytes("ping")
        #expect(pair.client.send(message.span) == .bytes(4))
        #expect(try pair.receive(4, from: pair.server) == message)
        #expect(pair.server.isDrained(by: 4, of: 65_536))
        #expect(pair.server.isTLS && pair.server.minorVersion == 3)
        #expect(pair.server.nameAskedFor == "example.com")
        let (head, body) = (bytes("head,"), [UInt8](repeating: 7, count: 40_000))
        #expect(pair.server.send(head.span, body.span) == .bytes(40_005))
        #expect(try pair.receive(40_005, from: pair.client) == head + body)
    }

    @Test("A reader that is slow gets every byte once, whatever pieces are sent again")
    func slowReader() throws {
        let pair = try Pair(server(), client())
        // No power of two, so that a piece sent at the wrong place differs.
        var pattern = (0..<93_719).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        while pattern.count < 24_000_000 { pattern += pattern }
        var sent = 0
        var received: [UInt8] = []
        var random = Seeded(3)
        var wasFull = 0
        while sent < pattern.count {
            let piece = Int.random(in: 1...90_000, using: &random)
            let end = min(sent + piece, pattern.count)
            switch pair.server.send(pattern.span.extracting(sent..<end)) {
            case .bytes(let count): sent += count
            case .wouldBlock:
                wasFull += 1
                received += try pair.receive(1, from: pair.client)
            case let other: Issue.record("\(other)")
            }
        }
        #expect(wasFull > 3)
        received += try pair.receive(pattern.count - received.count, from: pair.client)
        #expect(received == pattern)
    }

    @Test("An end that is said is an end, one that is not is noticed")
    func ends() throws {
        let said = try Pair(server(), client())
        #expect(said.server.shutdownWrite())
        #expect(try said.outcome(of: said.client) == .endOfStream)
        #expect(!said.client.isTruncated)
        // The other direction goes on.
        #expect(said.client.send(bytes("on").span) == .bytes(2))
        #expect(try said.receive(2, from: said.server) == bytes("on"))

        let cut = try Pair(server(), client())
        cut.server.descriptor.shutdownWrite()
        #expect(try cut.outcome(of: cut.client) == .endOfStream)
        #expect(cut.client.isTruncated)
    }

    @Test("An end that a full socket does not take is said once it does")
    func endOnFullSocket() throws {
        let pair = try Pair(server(), client())
        let piece = [UInt8](repeating: 7, count: 100_000)
        filling: while true {
            switch pair.server.send(piece.span) {
            case .bytes: break
            default: break filling
            }
        }
        #expect(!pair.server.shutdownWrite())
        #expect(!pair.server.sayEnd())
        var isSaid = false
        try eventually("the end") {
            if !isSaid { isSaid = pair.server.shutdownWrite() }
            return try pair.receive(1, from: pair.client).isEmpty
        }
        #expect(isSaid && !pair.client.isTruncated)
    }

    @Test("A session is resumed by any worker and after a renewal, until its key is forgotten")
    func resumption() throws {
        let tickets = try TLSTickets()
        let former = try server { $0.tickets = tickets }
        let renewed = try server(["rsa"]) { $0.tickets = tickets }
        let own = try client()
        func session() throws -> TLSSession {
            let pair = try Pair(former, own)
            #expect(!pair.client.isResumed)
            _ = pair.server.send(bytes("x").span)
            _ = try pair.receive(1, from: pair.client)
            return try #require(pair.client.takeSession())
        }
        // A client uses each session once.
        let sessions = try (0..<4).map { _ in try session() }
        let other = try server {
            $0.tickets = tickets
            $0.scope = "another listener"
        }
        #expect(try !Pair(other, own, resuming: sessions[0]).isResumed)
        #expect(try Pair(renewed, own, resuming: sessions[1]).isResumed)
        for _ in 1..<TLSTickets.keysMaximum { tickets.rotate() }
        #expect(try Pair(renewed, own, resuming: sessions[2]).isResumed)
        tickets.rotate()
        #expect(try !Pair(renewed, own, resuming: sessions[3]).isResumed)
    }

    @Test(
        "A client gets the certificate for the name that it asks for",
        arguments: [
            ("example.com", "ecdsa"), ("EXAMPLE.com", "ecdsa"), ("a.example.com", "ecdsa"),
            ("shop.test", "shop"),
        ])
    func names(asked: String, shown: String) throws {
        let context = try server(["ecdsa", "rsa", "shop"])
        let pair = try Pair(context, client(), name: asked)
        #expect(pair.clientEnd == .done)
        var der = Buffer.allocate(capacity: 4096)
        defer { der.deallocate() }
        #expect(pair.client.peerCertificate(into: &der) > 0)
        let common = bytes(shown)
        let found = der.bytes.indices.map { der.bytes[$0] }
        #expect(found.indices.contains { found[$0...].starts(with: common) })
    }

    @Test(
        "Certificates of different kinds for the same names stand together, the first for the rest")
    func groups() {
        func facts(_ key: TLSCertificate.KeyKind, _ names: String...) -> TLSCertificate.Facts {
            TLSCertificate.Facts(
                names: names, notBefore: 0, notAfter: 0, key: key, keyBits: 0, fingerprint: [])
        }
        let names = TLSNames([
            facts(.ecdsa, "a", "b"), facts(.rsa, "a"), facts(.rsa, "b", "c"), facts(.rsa, "c"),
        ])
        #expect(names.groups == [[0, 1], [0, 2], [2]])
        #expect(names.names.map(\.name) == ["a", "b", "c"])
        #expect(names.names.map(\.group) == [0, 1, 2])
    }

    @Test(
        "A certificate that is not in order is refused, and it is said why",
        arguments: [
            ("other.test", "ecdsa", "hostname mismatch"), ("example.com", "expired", "expired"),
            ("example.com", "foreign", "self-signed certificate"),
        ])
    func verification(name: String, shown: String, reason: String) throws {
        let pair = try Pair(server([shown]), client(), name: name)
        guard case .failed(let failure) = pair.clientEnd else {
            Issue.record("\(pair.clientEnd)")
            return
        }
        #expect(failure.kind == .certificate)
        #expect("\(failure)".contains(reason), "\(failure)")
        #expect(TLSFailure(code: failure.code) == failure)
        let unverified = try Pair(server([shown]), client { $0.trust = nil }, name: name)
        #expect(unverified.clientEnd == .done)
    }

    @Test("A client certificate is asked for, verified, and to be had")
    func clientCertificates() throws {
        let trust = try TLSTrust(pem: files.bytes("ca.pem"))
        let shown = try client { $0.certificate = try certificate("partner") }
        let required = try server { $0.clientCertificates = .required(trust) }
        let optional = try server { $0.clientCertificates = .optional(trust) }
        #expect(try Pair(required, shown).hasClientCertificate)
        #expect(try Pair(optional, shown).hasClientCertificate)
        #expect(try !Pair(server(), shown).hasClientCertificate)
        let without = try Pair(optional, client())
        #expect(without.serverEnd == .done && !without.server.hasPeerCertificate)
        guard case .failed = try Pair(required, client()).serverEnd else {
            Issue.record("let in without a certificate")
            return
        }
        let foreign = try client { $0.certificate = try certificate("foreign") }
        guard case .failed(let failure) = try Pair(optional, foreign).serverEnd else {
            Issue.record("let in with a foreign certificate")
            return
        }
        #expect(failure.kind == .certificate)
    }

    @Test("What does not fit together is refused, each with its reason")
    func problems() throws {
        func problem(_ chain: String, _ key: String) throws -> TLSCertificateProblem? {
            do throws(TLSCertificateProblem) {
                _ = try TLSCertificate(
                    chain: Array(contents(chain).utf8), key: Array(contents(key).utf8))
                return nil
            } catch {
                return error
            }
        }
        func contents(_ name: String) -> String {
            do { return try TextFile.read(files.path(name)) } catch { return name }
        }
        #expect(try problem("ecdsa.pem", "ecdsa.key") == nil)
        #expect(try problem("ecdsa.pem", "rsa.key") == .keyOfAnother)
        #expect(try problem("hello", "ecdsa.key") == .chainNotPEM)
        #expect(try problem("", "ecdsa.key") == .chainNotPEM)
        #expect(try problem("ecdsa.pem", "hello") == .keyNotPEM)
        #expect(try problem("ecdsa.pem", "locked.key") == .keyEncrypted)
        #expect(try problem("swapped.pem", "ecdsa.key") == .chainBroken(at: 1))
        #expect(try problem("broken.pem", "ecdsa.key") == .chainMalformed)
        #expect(try problem("weak.pem", "weak.key") == .keyTooWeak)
        #expect(throws: TLSTrustProblem.notPEM) { try TLSTrust(pem: bytes("hello")) }
    }

    @Test("What is no TLS is recognised, an HTTP request as such")
    func noTLS() throws {
        for (sent, isHTTP) in [("GET / HTTP/1.1\r\n\r\n", true), ("hello there, server", false)] {
            let connection = try Connection()
            let wire = try #require(
                End(accepting: connection.server, by: try server()))
            connection.hasGivenEndsAway = true
            defer { connection.client.close() }
            _ = connection.client.send(bytes(sent).span)
            var end = TLSHandshake.waiting
            try eventually("the end") {
                end = wire.handshake()
                return end != .waiting
            }
            guard case .failed(let failure) = end else { continue }
            #expect(failure.kind == .protocolError && failure.isPlainHTTP == isHTTP, "\(failure)")
            #expect(!"\(failure)".isEmpty)
            wire.close()
        }
    }
}

extension TestCertificates {
    /// The ones that these tests share.
    fileprivate static func common() throws -> TestCertificates {
        let made = try TestCertificates()
        try made.issue("ecdsa", for: "DNS:example.com,DNS:*.example.com")
        try made.issue("rsa", for: "DNS:example.com,DNS:*.example.com", key: .rsa)
        try made.issue("shop", for: "DNS:shop.test")
        try made.issue("partner", for: "DNS:partner")
        try made.issue("expired", for: "DNS:example.com", dates: "-days -1")
        try made.issue("weak", for: "DNS:example.com", key: .weak)
        try made.shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
              -keyout foreign.key -out foreign.pem -subj "/CN=foreign" \
              -addext subjectAltName=DNS:example.com
            openssl ec -in ecdsa.key -aes128 -passout pass:secret -out locked.key
            cat ecdsa.crt shop.crt > swapped.pem
            (cat ecdsa.crt; echo "-----BEGIN CERTIFICATE-----"; echo AAAA; \
              echo "-----END CERTIFICATE-----") > broken.pem
            """)
        return made
    }
}
