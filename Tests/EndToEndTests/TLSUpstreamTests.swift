import Glibc
import TestSupport
import Testing
import Transport

/// A server by TLS whose answers are a function, on a thread for each connection.
private final class TLSReplica: Sendable {
    let address: SocketAddress
    private let context: TLSContext
    private let process = Guarded<[WorkerThread]>([])
    private let counted = Guarded((handshakes: 0, resumed: 0))
    private let stopping = Flag()
    private let gate: Gate?

    var handshakes: (all: Int, resumed: Int) {
        counted.withLock { ($0.handshakes, $0.resumed) }
    }

    /// What is sent for each request; and whether the end is said, or the connection just closed.
    enum Ending { case keptOpen, said, cut }

    /// - Parameter gate: nothing is answered before it is open.
    init(
        _ settings: TLSServerSettings, _ ending: Ending, _ answer: String, after gate: Gate? = nil
    ) throws {
        self.gate = gate
        context = try TLSContext(server: settings)
        address = LoopbackAddress.unique(port: 8443)
        let listener = try Socket.listen(on: address, sharing: .exclusive)
        let thread = try WorkerThread(name: "tls-replica") { [self] in
            while !stopping.isSet {
                var wanted = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
                guard unsafe poll(&wanted, 1, 50) > 0 else { continue }
                do {
                    guard let (descriptor, _) = try Socket.accept(from: listener) else { continue }
                    let thread = try WorkerThread(name: "tls-serve") { [self] in
                        serve(descriptor, answer, ending)
                    }
                    process.withLock { $0.append(thread) }
                } catch { break }
            }
            listener.close()
        }
        process.withLock { $0.append(thread) }
    }

    func stop() {
        stopping.set()
        while let thread = process.withLock({ $0.popLast() }) { thread.join() }
    }

    private func wait(_ descriptor: Descriptor) -> Bool {
        var wanted = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        while !stopping.isSet {
            if unsafe poll(&wanted, 1, 50) > 0 { return true }
        }
        return false
    }

    private func serve(_ descriptor: Descriptor, _ answer: String, _ ending: Ending) {
        guard let wire = Transport.Wire(accepting: descriptor, by: context) else { return }
        var buffer = Buffer.allocate(capacity: 65_536)
        defer { buffer.deallocate() }
        shaking: while true {
            switch wire.handshake() {
            case .done: break shaking
            case .waiting: if !wait(descriptor) { return wire.close() }
            case .failed: return wire.close()
            }
        }
        counted.withLock {
            $0.handshakes += 1
            $0.resumed += wire.isResumed ? 1 : 0
        }
        while true {
            buffer.clear()
            switch wire.receive(into: &buffer) {
            case .bytes: break
            case .wouldBlock:
                if !wait(descriptor) { return wire.close() }
                continue
            case .endOfStream, .failed: return wire.close()
            }
            while let gate, !gate.hasOpened, !stopping.isSet { usleep(5_000) }
            let bytes = Array(answer.utf8)
            _ = wire.send(bytes.span)
            switch ending {
            case .keptOpen: break
            case .said: return wire.close()
            case .cut:
                wire.descriptor.shutdownWrite()
                _ = wait(descriptor)
                return wire.close()
            }
        }
    }
}

@Suite("TLS to replicas") struct TLSUpstreamTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func run(
        _ body: (TestBed, TestCertificates) throws -> Void
    ) throws {
        try TestBed.run { bed in
            let files = try TestCertificates()
            defer { files.remove() }
            try files.issue("app", for: "DNS:app.inside,IP:127.0.0.1")
            try files.issue("weir", for: "DNS:weir")
            try body(bed, files)
        }
    }

    private func settings(
        _ files: TestCertificates, _ name: String = "app"
    ) throws -> TLSServerSettings {
        let certificate = try TLSCertificate(
            chain: files.bytes("\(name).pem"), key: files.bytes("\(name).key"))
        var settings = TLSServerSettings(certificates: [certificate])
        settings.tickets = try TLSTickets()
        return settings
    }

    private func weir(
        _ bed: TestBed, _ address: SocketAddress, tls: String, more: String = ""
    ) throws -> WeirProcess {
        try bed.weir(
            """
            pools:
              web:
                discover: "\(address)"
                tls: \(tls)
                hold: { timeout: 1s }
            \(more.split(separator: "\n").map { "    \($0)\n" }.joined())
            """)
    }

    @Test("A replica is verified by its name, and shows up ready by a probe over TLS")
    func verified() throws {
        try run { bed, files in
            let replica = try TLSReplica(settings(files), .keptOpen, Self.ok)
            defer { replica.stop() }
            let weir = try weir(
                bed, replica.address, tls: "{ ca: \(files.ca), server_name: app.inside }",
                more: "probe: { http: /, interval: 100ms }")
            try weir.awaitReady(1)
            let wire = try bed.connect(to: weir)
            for _ in 0..<20 { #expect(try wire.roundTrip(request("GET /")).text == "ok") }
            let status = try JSON(weir.ask("/status").text)["pools"][0]["replicas"][0]
            #expect(status["tls_handshakes"].int == 1)
            #expect(status["probe"].string == "pass")
        }
    }

    @Test("A session made on former terms is not resumed: the certificate is judged anew")
    func formerTerms() throws {
        try run { bed, files in
            let mayAnswer = Gate()
            let replica = try TLSReplica(settings(files), .keptOpen, Self.ok, after: mayAnswer)
            defer { replica.stop() }
            func pool(_ tls: String) -> String {
                """
                pools:
                  web:
                    discover: "\(replica.address)"
                    tls: \(tls)
                    protocol: http1
                    probe: off
                    hold: { timeout: 1s }
                """
            }
            let weir = try bed.weir(pool("{ verify: off }"))
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /"))
            try eventually("the request is there") {
                try JSON(weir.ask("/status").text)["pools"][0]["in_flight"].int == 1
                    && replica.handshakes.all == 1
            }
            try weir.rewrite(pool("{ ca: \(files.ca), server_name: other.inside }"))
            #expect(try weir.run("reload").exitCode == 0)
            mayAnswer.open()
            #expect(try busy.readResponse().text == "ok")
            for _ in 0..<2 {
                #expect(try bed.connect(to: weir).roundTrip(request("GET /")).text != "ok")
            }
            #expect(replica.handshakes.resumed == 0)
        }
    }

    @Test(
        "A certificate for another is the cause that status tells, and nothing is sent",
        arguments: [
            ("{ ca: CA, server_name: other.inside }", "hostname mismatch"),
            (
                "{ ca: OWN, server_name: app.inside }",
                "self-signed certificate in certificate chain"
            ),
        ])
    func refused(tls: String, reason: String) throws {
        try run { bed, files in
            try files.shell(
                """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
                  -keyout own.key -out own.pem -subj "/CN=another authority"
                """)
            let replica = try TLSReplica(settings(files), .keptOpen, Self.ok)
            defer { replica.stop() }
            let tls = tls.split(separator: "CA,").joined(separator: "\(files.ca),")
                .split(separator: "OWN,").joined(separator: "\(files.path("own.pem")),")
            let weir = try weir(bed, replica.address, tls: tls)
            try eventually("the cause is told") {
                let replica = try JSON(weir.ask("/status").text)["pools"][0]["replicas"][0]
                return replica["probe"].string?.contains("TLS: \(reason)") == true
            }
            let answer = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(answer.status == 503)
            #expect(replica.handshakes.all == 0)
        }
    }

    @Test("Without a probe, requests find out: the reason has the words of RFC 9209")
    func reasons() throws {
        try run { bed, files in
            let replica = try TLSReplica(settings(files), .keptOpen, Self.ok)
            defer { replica.stop() }
            let weir = try weir(
                bed, replica.address, tls: "{ ca: \(files.ca), server_name: other.inside }",
                more: "probe: off")
            let answer = try bed.connect(to: weir).roundTrip(request("POST /", body: "x"))
            #expect(answer.status == 502 || answer.status == 503)
            try eventually("the log tells") {
                try weir.accessLog().contains { line in
                    line["attempts"].array.contains {
                        $0["outcome"].string == "tls_certificate_invalid"
                    }
                }
            }
        }
    }

    @Test("A certificate of weir's own is shown; without it the replica's alert is the reason")
    func mutual() throws {
        try run { bed, files in
            var wanted = try settings(files)
            wanted.clientCertificates = .required(try TLSTrust(pem: files.bytes("ca.pem")))
            let replica = try TLSReplica(wanted, .keptOpen, Self.ok)
            defer { replica.stop() }
            let pair = "{ chain: \(files.path("weir.pem")), key: \(files.path("weir.key")) }"
            let weir = try weir(
                bed, replica.address,
                tls: "{ ca: \(files.ca), server_name: app.inside, certificate: \(pair) }")
            try weir.awaitReady(1)
            #expect(try bed.connect(to: weir).roundTrip(request("GET /")).text == "ok")
        }
    }

    @Test("New connections resume the session of the last one")
    func resumption() throws {
        try run { bed, files in
            let replica = try TLSReplica(settings(files), .said, Self.ok)
            defer { replica.stop() }
            let weir = try weir(
                bed, replica.address, tls: "{ ca: \(files.ca), server_name: app.inside }",
                more: "probe: off")
            for _ in 0..<10 {
                #expect(try bed.connect(to: weir).roundTrip(request("GET /")).text == "ok")
            }
            let (all, resumed) = replica.handshakes
            #expect(all >= 10 && resumed >= all - 2)
            let status = try JSON(weir.ask("/status").text)["pools"][0]["replicas"][0]
            #expect(status["tls_handshakes_resumed"].int == resumed)
        }
    }

    @Test("A body that ends with its connection is whole only if the end was said")
    func truncation() throws {
        try run { bed, files in
            let body = "HTTP/1.1 200 OK\r\n\r\nall of it"
            let whole = try TLSReplica(settings(files), .said, body)
            let cut = try TLSReplica(settings(files), .cut, body)
            defer {
                whole.stop()
                cut.stop()
            }
            let tls = "{ ca: \(files.ca), server_name: app.inside }"
            let first = try weir(bed, whole.address, tls: tls, more: "probe: off")
            #expect(try bed.connect(to: first).roundTrip(request("GET /")).text == "all of it")
            let second = try weir(bed, cut.address, tls: tls, more: "probe: off")
            #expect(throws: (any Error).self) {
                try bed.connect(to: second).roundTrip(request("GET /"))
            }
            try eventually("the log tells") {
                try second.accessLog().contains {
                    $0["reason"].string == "upstream_closed_mid_response"
                }
            }
        }
    }
}
