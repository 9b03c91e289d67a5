import Glibc
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Connections to the admin interface")
struct AdminConnectionTests {
    private func run(_ body: (AdminBed) throws -> Void) throws {
        try AdminBed.run(ControlDesk.configuration(), body)
    }

    @Test("Pipelined requests are answered in order on one connection")
    func pipelined() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            let paths = ["/live", "/none", "/live"]
            try wire.send(
                (0..<100).flatMap { _ in paths }.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
                    .joined())
            for _ in 0..<100 {
                let statuses = try paths.map { _ in try wire.readResponse().status }
                #expect(statuses == [200, 404, 200])
            }
        }
    }

    @Test("A client that leaves while its answer is still to come frees its place")
    func abandoned() throws {
        let loop = try EventLoop()
        let listener = try Socket.listen(on: LoopbackAddress.unique(), sharing: .exclusive)
        defer { listener.close() }
        let wire = try Wire(to: try #require(Socket.localAddress(of: listener)))
        let (descriptor, client) = try #require(try Socket.accept(from: listener))
        var (isAsked, isClosed) = (false, false)
        let connection = AdminConnection(
            descriptor, client: client, loop: loop, answer: { _, _ in isAsked = true },
            onClose: { isClosed = true })
        defer { connection.close() }
        connection.start()
        try wire.send("POST /drain/self HTTP/1.1\r\nHost: a\r\n\r\nGET /live HTTP/1.1\r\n")
        loop.turn { isAsked }
        #expect(isAsked && !isClosed)
        wire.close()
        loop.turn { isClosed }
        #expect(isClosed)
    }

    @Test("Requests behind one that is answered later wait, however many there are")
    func behind() throws {
        let loop = try EventLoop()
        let listener = try Socket.listen(on: LoopbackAddress.unique(), sharing: .exclusive)
        defer { listener.close() }
        let wire = try Wire(to: try #require(Socket.localAddress(of: listener)))
        let (descriptor, client) = try #require(try Socket.accept(from: listener))
        var first: ((AdminResponse) -> Void)?
        var answers = 0
        let connection = AdminConnection(
            descriptor, client: client, loop: loop,
            answer: { request, completion in
                if request.method == "POST" { return first = completion }
                answers += 1
                completion(.text(200, "\(answers)"))
            }, onClose: {})
        defer { connection.close() }
        connection.start()
        // More than its buffer takes.
        let count = 1_000
        let request = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
        try wire.send(
            "POST /drain/self HTTP/1.1\r\nHost: a\r\n\r\n"
                + String(repeating: request, count: count))
        loop.turn { first != nil }
        for _ in 0..<20 { loop.turn(milliseconds: 1) }
        #expect(answers == 0)
        first?(.text(200, "0"))
        loop.turn { answers == count }
        for number in 0...count { #expect(try wire.readResponse().text == "\(number)\n") }
    }

    @Test("A name with whatever in it is asked for as a name, and weir says that there is none")
    func names() throws {
        #expect(AdminClient.part("shop-app_1.x") == "shop-app_1.x")
        #expect(AdminClient.part("a b/\r\n%é?") == "a%20b%2F%0D%0A%25%C3%A9%3F")
    }

    @Test("A request may come byte by byte, with its body")
    func split() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            let request = "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            for byte in request.utf8 { try wire.send([byte]) }
            #expect(try wire.readResponse().status == 403)
            #expect(try wire.roundTrip("GET /live HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
    }

    @Test("HEAD answers like GET, without the body")
    func head() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            let head = try wire.roundTrip("HEAD /live HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(head.status == 200)
            #expect(head["content-length"] == "6")
            #expect(try wire.roundTrip("GET /live HTTP/1.1\r\nHost: a\r\n\r\n").text == "alive\n")
        }
    }

    @Test("Connection: close and HTTP/1.0 end the connection after the answer")
    func closing() throws {
        try run { bed in
            for request in [
                "GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "GET /live HTTP/1.0\r\n\r\n",
            ] {
                let wire = try Wire(to: bed.address)
                #expect(try wire.roundTrip(request).status == 200)
                #expect(wire.isClosedByOtherSide(within: 2))
            }
        }
    }

    @Test(
        "What is no HTTP, or too much, is refused with a status, and the connection ends",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\n\n", 400), ("NONSENSE\r\n\r\n", 400),
            ("GET /live HTTP/1.1\r\n\r\n", 400), ("GET /live HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            ("GET /live HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 17_000), 431),
            ("POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413),
            (
                "POST /reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                411
            ),
            (
                "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n",
                400
            ),
        ])
    func bad(request: String, status: Int) throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            #expect(try wire.roundTrip(request).status == status)
            #expect(wire.isClosedByOtherSide(within: 2))
            #expect(try bed.client.get("/live").status == 200)
        }
    }

    @Test("A refused body that still comes does not take the answer away")
    func lingering() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            try wire.send("POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
            try wire.send([UInt8](repeating: 0x61, count: 300_000))
            #expect(try wire.readResponse().status == 413)
        }
    }

    @Test("An expected 100 is sent before the body is waited for")
    func expectation() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            try wire.send(
                "POST /reload HTTP/1.1\r\nHost: a\r\n"
                    + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
            )
            #expect(try wire.readResponse().status == 100)
            try wire.send("x")
            #expect(try wire.readResponse().status == 403)
        }
    }

    @Test("The 65th connection waits until one ends, and keeps nobody from the Unix socket")
    func limit() throws {
        try run { bed in
            let request = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
            var wires = try (0..<AdminServer.connectionsMaximum).map { _ in
                try Wire(to: bed.address)
            }
            for wire in wires { #expect(try wire.roundTrip(request).status == 200) }
            let extra = try Wire(to: bed.address)
            try extra.send(request)
            #expect(extra.isSilent(for: 0.1))
            #expect(try bed.client.get("/live").status == 200)
            wires.removeLast().close()
            #expect(try extra.readResponse().status == 200)
        }
    }

    @Test("Random bytes never stop it")
    func storm() throws {
        try run { bed in
            var random = SeededRandom(seed: 3)
            let valid = Array(
                "POST /splits/s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8)
            for _ in 0..<200 {
                let wire = try Wire(to: bed.address)
                var bytes = valid
                for _ in 0..<3 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
                do { try wire.send(bytes) } catch { continue }
                wire.close()
            }
            #expect(try bed.client.get("/live").status == 200)
        }
    }
}

@Suite("The Unix socket of the admin interface")
struct AdminSocketFileTests {
    private func facts(_ path: String) -> stat? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? facts : nil
    }

    @Test("Its folder is made, its mode is 0660, and it goes when weir goes")
    func mode() throws {
        var path = ""
        try AdminBed.run(ControlDesk.configuration()) { bed in
            path = bed.socketPath
            #expect(facts(path).map { $0.st_mode & 0o777 } == 0o660)
        }
        #expect(facts(path) == nil)
    }

    @Test("A socket that another weir answers on, and a file that is no socket, are not touched")
    func occupied() throws {
        try AdminBed.run(ControlDesk.configuration()) { bed in
            var configuration = ControlDesk.configuration()
            configuration.admin.socketPath = bed.socketPath
            let error = #expect(throws: ControlError.self) {
                try ControlDesk(configuration).control.start()
            }
            #expect(error?.description.contains("another weir answers there") == true)
            let answer = try bed.client.get("/live")
            #expect(answer.status == 200)
        }
        let path = "/tmp/weir-admin-file-\(getpid())"
        try TemporaryFile.write("precious", to: path)
        defer { TemporaryFile.remove(path) }
        var configuration = ControlDesk.configuration()
        configuration.admin.socketPath = path
        #expect(throws: ControlError.self) { try ControlDesk(configuration).control.start() }
        #expect(facts(path)?.st_size == 8)
    }

    @Test("What an ended process left behind is replaced")
    func leftBehind() throws {
        let path = "/tmp/weir-admin-left-\(getpid())"
        try Socket.listen(unixPath: path).close()
        #expect(facts(path) != nil)
        var configuration = ControlDesk.configuration()
        configuration.admin.socketPath = path
        let desk = try ControlDesk(configuration)
        try desk.control.start()
        desk.control.beginShutdown()
        desk.endWorkers()
        desk.control.run()
        #expect(facts(path) == nil)
    }

    @Test(
        "Where weir is, is read from --admin",
        arguments: [
            ("unix:/run/weir/admin.sock", "unix:/run/weir/admin.sock"),
            ("http://127.0.0.1:9901", "http://127.0.0.1:9901"),
            ("http://localhost/", "http://127.0.0.1:9900"), ("http://[::1]:80", "http://[::1]:80"),
            ("http://[::1]", "http://[::1]:9900"),
            ("unix:", nil), ("http://", nil), ("http://a.example:80", nil),
            ("tcp://127.0.0.1", nil),
            ("http://127.0.0.1:99999", nil), ("http://127.0.0.1:80/status", nil),
        ] as [(String, String?)])
    func address(text: String, description: String?) {
        #expect(AdminAddress(text)?.description == description)
    }

    @Test("weir is sought at its socket, and at its address where nobody answers on the socket")
    func sought() throws {
        try AdminBed.run(ControlDesk.configuration()) { bed in
            var configuration = AdminConfiguration()
            configuration.socketPath = bed.socketPath
            #expect(AdminAddress(configuration) == .unixSocket(bed.socketPath))
        }
        var configuration = AdminConfiguration()
        configuration.socketPath = "/tmp/weir-none/admin.sock"
        #expect("\(AdminAddress(configuration))" == "http://127.0.0.1:9900")
        configuration.bind = nil
        #expect(AdminAddress(configuration) == .unixSocket("/tmp/weir-none/admin.sock"))
    }

    @Test("A weir that does not run is an error that says what to try")
    func notRunning() {
        let error = #expect(throws: AdminError.self) {
            try AdminClient(.unixSocket("/tmp/weir-none/admin.sock")).get("/status")
        }
        #expect(error?.description.contains("unix:/tmp/weir-none/admin.sock: connect") == true)
        #expect(error?.description.contains("is weir running") == true)
    }

    @Test("A weir that does not answer is an error after the time allowed")
    func silent() throws {
        let replica = try ScriptedReplica { wire in wire.ignoreEverything() }
        defer { replica.stop() }
        let error = #expect(throws: AdminError.self) {
            try AdminClient(.network(replica.address), timeoutMilliseconds: 50).get("/status")
        }
        #expect(error?.description.contains("timed out") == true)
    }
}
