import Glibc
import TestSupport
import Testing
import Transport

/// A weir with https for `example.com` and `shop.test` on port 8443, Redis's way on 8444, and
/// mutual TLS on 8445.
final class TLSBed: Sendable {
    let bed: TestBed
    let files: TestCertificates
    let weir: WeirProcess

    let address: SocketAddress
    var host: String { address.host }
    var https: SocketAddress { address.withPort(8443) }

    static func run(
        _ replica: @escaping ScriptedReplica.Script = ScriptedReplica.echoing,
        _ body: (TLSBed) throws -> Void
    ) throws {
        try TestBed.run { bed in
            let files = try TestCertificates()
            defer { files.remove() }
            try files.issue("web", for: "DNS:example.com,DNS:*.example.com")
            try files.issue("rsa", for: "DNS:example.com,DNS:*.example.com", key: .rsa)
            try files.issue("shop", for: "DNS:shop.test")
            try files.issue("partner", for: "DNS:partner")
            try body(TLSBed(bed, files, bed.replica(replica)))
        }
    }

    private init(_ bed: TestBed, _ files: TestCertificates, _ replica: ScriptedReplica) throws {
        self.bed = bed
        self.files = files
        address = LoopbackAddress.unique()
        let address = address.host
        func pair(_ name: String) -> String {
            "{ chain: \(files.path("\(name).pem")), key: \(files.path("\(name).key")) }"
        }
        weir = try bed.weir(
            """
            listeners:
              plain: { bind: "\(address):8080", redirect_to_https: 8443 }
              web:
                bind: "\(address):8443"
                tls:
                  certificates: [\(pair("web")), \(pair("rsa")), \(pair("shop"))]
                  hsts: 365d
              raw:
                bind: "\(address):8444"
                protocol: tcp
                pool: web
                tls: { certificates: \(pair("web")) }
              partners:
                bind: "\(address):8445"
                tls:
                  certificates: \(pair("web"))
                  client_certificates: required
                  client_ca: \(files.ca)
            routes: [{ pool: web }]
            pools: { web: { discover: "\(replica.address)" } }
            """)
    }

    /// curl, which believes the test's authority and finds both names at weir.
    func curl(_ arguments: String...) throws -> FinishedCommand {
        let names = ["example.com", "www.example.com", "shop.test"]
        let ports = [8080, 8443, 8444, 8445]
        let resolved = names.flatMap { name in
            ports.flatMap { ["--resolve", "\(name):\($0):\(host)"] }
        }
        return try Tool.run(
            "/usr/bin/curl",
            ["-sS", "-i", "--http1.1", "--max-time", "20", "--cacert", files.ca] + resolved
                + arguments)
    }

    func openssl(_ arguments: String) throws -> FinishedCommand {
        try Tool.run(
            "/bin/sh", ["-c", "echo | openssl s_client -connect \(host):\(arguments) 2>&1"])
    }

    /// A client that verifies.
    func context() throws -> TLSContext {
        var settings = TLSClientSettings()
        settings.trust = try TLSTrust(pem: files.bytes("ca.pem"))
        return try TLSContext(client: settings)
    }

    func listener(_ name: String) throws -> JSON {
        try JSON(weir.ask("/status").text)["listeners"].first("name", name)
    }
}

@Suite("TLS for clients") struct TLSListenerTests {
    @Test("curl is served by https, the replica is told so, and the answer asks to keep to it")
    func https() throws {
        try TLSBed.run { tls in
            let answer = try tls.curl("https://example.com:8443/a?b", "-H", "Client-Cert: :forged:")
            #expect(answer.output.hasPrefix("HTTP/1.1 200 OK"), "\(answer.error)")
            #expect(answer.output.contains("Strict-Transport-Security: max-age=31536000\r\n"))
            #expect(answer.output.contains("X-Forwarded-Proto: https\r\n"))
            #expect(answer.output.contains("proto=https"))
            #expect(!answer.output.contains("forged"))
            let big = String(repeating: "x", count: 900_000)
            try TextFile.write(big, to: tls.files.path("body"))
            let post = try tls.curl(
                "https://www.example.com:8443/", "--data-binary", "@\(tls.files.path("body"))")
            #expect(post.output.contains(big))
        }
    }

    @Test("The certificate goes by the name and by what the client can verify")
    func certificates() throws {
        try TLSBed.run { tls in
            let shop = try tls.openssl("8443 -servername shop.test")
            #expect(shop.output.contains("CN = shop"), "\(shop.output)")
            let rsa = try tls.openssl(
                "8443 -servername example.com -tls1_2 -sigalgs RSA-PSS+SHA256:RSA+SHA256")
            #expect(rsa.output.contains("Peer signature type: RSA"), "\(rsa.output)")
            let none = try tls.openssl("8443 -noservername -alpn h2,http/1.1")
            #expect(none.output.contains("CN = web"), "\(none.output)")
            #expect(none.output.contains("ALPN protocol: h2"), "\(none.output)")
            let old = try tls.openssl("8443 -tls1_1 -cipher DEFAULT@SECLEVEL=0")
            #expect(old.output.contains("alert protocol version"), "\(old.output)")
            #expect(try tls.listener("web")["tls_handshakes_failed"].int == 1)
        }
    }

    @Test("Plain requests are sent to https, and one that comes to its port is told so")
    func redirect() throws {
        try TLSBed.run { tls in
            let answer = try tls.curl("http://example.com:8080/a/b?c=d", "-d", "body")
            #expect(answer.output.hasPrefix("HTTP/1.1 308 Permanent Redirect\r\n"))
            #expect(answer.output.contains("Location: https://example.com:8443/a/b?c=d\r\n"))
            let challenge = "http://example.com:8080/.well-known/acme-challenge/x"
            #expect(try tls.curl(challenge).output.hasPrefix("HTTP/1.1 200"))
            let followed = try tls.curl("-L", "http://example.com:8080/x")
            #expect(followed.output.contains("HTTP/1.1 200 OK"))
            let wire = try tls.bed.connect(to: tls.https)
            try wire.send(request("GET /"))
            let wrong = try wire.readResponse()
            #expect(wrong.status == 400 && wrong.text.contains("https only"))
        }
    }

    @Test("Mutual TLS: who shows no certificate stays out, who does is told of")
    func mutual() throws {
        try TLSBed.run { tls in
            let without = try tls.curl("https://example.com:8445/")
            #expect(without.exitCode != 0 && without.error.contains("certificate required"))
            let shown = try tls.curl(
                "https://example.com:8445/", "--cert", tls.files.path("partner.crt"), "--key",
                tls.files.path("partner.key"), "-H", "Client-Cert: :forged:")
            #expect(!shown.output.contains("forged"))
            let der = try Tool.run(
                "/bin/sh",
                [
                    "-c",
                    "openssl x509 -in \(tls.files.path("partner.crt")) -outform DER | base64 -w0",
                ])
            #expect(shown.output.contains("Client-Cert: :\(der.output):\r\n"), "\(shown.error)")
        }
    }

    @Test("A TCP listener ends TLS, and passes the end of each direction on")
    func tcp() throws {
        try TLSBed.run(ScriptedReplica.echoingBytes) { tls in
            let done = try Tool.run(
                "/bin/sh",
                [
                    "-c",
                    "head -c 3000000 /dev/urandom > \(tls.files.path("in")); (cat"
                        + " \(tls.files.path("in")); sleep 3) | openssl s_client -quiet"
                        + " -no_ign_eof -nocommands -connect \(tls.host):8444 2>/dev/null"
                        + " | head -c 3000000 | cmp - \(tls.files.path("in"))",
                ])
            #expect(done.exitCode == 0, "\(done.output)\(done.error)")
            let client = try TLSClient(
                to: tls.address.withPort(8444), by: tls.context(), name: "example.com")
            defer { client.close() }
            try client.send("hello")
            #expect(try client.receive() == Array("hello".utf8))
        }
    }

    @Test("A client that says nothing is left alone for the time of a request head only")
    func silence() throws {
        try TestBed.run { bed in
            let files = try TestCertificates()
            defer { files.remove() }
            try files.issue("web", for: "DNS:example.com")
            let address = LoopbackAddress.unique()
            let weir = try bed.weir(
                """
                listeners:
                  web:
                    bind: "\(address)"
                    tls:
                      certificates:
                        chain: \(files.path("web.pem"))
                        key: \(files.path("web.key"))
                limits: { head_timeout: 300ms }
                pools: { web: { discover: "127.0.0.1:1", probe: off } }
                """)
            let wire = try bed.connect(to: address)
            #expect(try wire.readSome().isEmpty)
            try eventually("it is counted") {
                try JSON(weir.ask("/status").text)["listeners"][0]["tls_handshakes_failed"].int == 1
            }
        }
    }
}

@Suite("TLS under load") struct TLSLoadTests {
    @Test("10,000 handshakes, all but the first few resumed, and no connection is left")
    func handshakes() throws {
        try TLSBed.run(ScriptedReplica.saying("ok")) { tls in
            let total = WeirProgram.isDebug || WeirProgram.isSanitized ? 1_000 : 10_000
            let context = try tls.context()
            var session: TLSSession?
            var resumed = 0
            for _ in 0..<total {
                let client = try TLSClient(
                    to: tls.https, by: context, name: "example.com", resuming: session)
                if client.isResumed { resumed += 1 }
                #expect(try client.roundTrip(request("GET /")).hasPrefix("HTTP/1.1 200"))
                session = client.takeSession() ?? session
                client.close()
            }
            #expect(resumed == total - 1)
            let listener = try tls.listener("web")
            #expect(listener["tls_handshakes"].int == total)
            #expect(listener["tls_handshakes_resumed"].int == total - 1)
            #expect(listener["tls_handshakes_failed"].int == 0)
            try eventually("all are closed") { try tls.listener("web")["open"].int == 0 }
            print("tls: \(total) handshakes, \(resumed) resumed")
        }
    }

    @Test("A certificate is swapped under load without one failed request")
    func swap() throws {
        try TLSBed.run(ScriptedReplica.saying("ok")) { tls in
            let stop = Flag()
            let counted = Guarded((requests: 0, failures: [String]()))
            let context = try tls.context()
            let threads = try (0..<4).map { number in
                try WorkerThread(name: "client-\(number)") {
                    while !stop.isSet {
                        do {
                            let client = try TLSClient(
                                to: tls.https, by: context, name: "example.com")
                            defer { client.close() }
                            for _ in 0..<5 { _ = try client.roundTrip(request("GET /")) }
                            counted.withLock { $0.requests += 5 }
                        } catch {
                            counted.withLock { $0.failures.append("\(error)") }
                        }
                    }
                }
            }
            func serial() throws -> String {
                try tls.openssl("8443 -servername example.com | openssl x509 -noout -serial").output
            }
            let first = try serial()
            for round in 0..<3 {
                let before = try serial()
                try tls.files.issue("web", for: "DNS:example.com,DNS:*.example.com")
                try eventually(within: 20, "the new certificate is shown, round \(round)") {
                    try serial() != before
                }
            }
            stop.set()
            for thread in threads { thread.join() }
            #expect(try serial() != first)
            let (requests, failures) = counted.withLock { $0 }
            #expect(failures == [] && requests > 50)
            print("tls: \(requests) requests over 3 swaps, \(failures.count) failed")
        }
    }

    @Test(
        "testssl.sh finds no weak protocol and no weak cipher",
        .enabled(if: unsafe access("/usr/bin/testssl", X_OK) == 0))
    func grades() throws {
        try TLSBed.run(ScriptedReplica.saying("ok")) { tls in
            let report = tls.files.path("report.json")
            let done = try Tool.run(
                "/usr/bin/testssl",
                [
                    "--quiet", "--color", "0", "--warnings", "off", "--protocols", "--std", "--fs",
                    "--server-preference", "--vulnerable", "--jsonfile", report, "--nodns", "none",
                    "--ip", tls.host, "https://example.com:8443",
                ], within: 240)
            let findings = try JSON(TextFile.read(report))
            #expect(findings.array.count > 30, "\(done.output.suffix(2000))\(done.error)")
            for finding in findings.array {
                let severity = finding["severity"].string ?? ""
                let text = "\(finding["id"].string ?? ""): \(finding["finding"].string ?? "")"
                #expect(!["HIGH", "CRITICAL", "MEDIUM"].contains(severity), "\(severity) \(text)")
            }
            for id in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
                let finding = findings.first("id", id)["finding"].string
                #expect(finding?.hasPrefix("not offered") == true, "\(id): \(finding ?? "")")
            }
            for finding in findings.array {
                print(
                    "testssl: \(finding["severity"].string ?? "") \(finding["id"].string ?? ""):"
                        + " \(finding["finding"].string ?? "")")
            }
        }
    }
}
