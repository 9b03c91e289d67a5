import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Who may change something")
struct AdminTokenTests {
    private static let token = "correct-horse-battery-staple"

    private func run(_ body: (AdminBed, String) throws -> Void) throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/token"
        try TextFile.write(Self.token + "\n", to: path)
        var configuration = ControlDesk.configuration(
            pools: [ControlDesk.pool("a", [SocketAddress.loopback.withPort(1)])])
        configuration.admin.tokenPath = path
        try AdminBed.run(configuration) { bed in try body(bed, path) }
    }

    @Test("With the token everything can be changed over TCP, and reading needs none")
    func accepted() throws {
        try run { bed, _ in
            let client = try bed.networkClient(token: Self.token)
            #expect(try client.pause(pool: "a").isPaused)
            #expect(try client.reload().generation > 0)
            #expect(try bed.networkClient.get("/status").status == 200)
            #expect(try bed.client.resume(pool: "a").isPaused == false)
        }
    }

    @Test(
        "Without the token, or with another, the answer is 401 with a challenge",
        arguments: [
            ("", "Bearer realm=\"weir\""),
            (
                "Authorization: Bearer correct-horse-battery-stapl\r\n",
                "Bearer realm=\"weir\", error=\"invalid_token\""
            ),
            (
                "Authorization: Bearer correct-horse-battery-staplf\r\n",
                "Bearer realm=\"weir\", error=\"invalid_token\""
            ),
            (
                "Authorization: Bearer\r\n",
                "Bearer realm=\"weir\", error=\"invalid_token\""
            ),
            (
                "Authorization: Basic correct-horse-battery-staple\r\n",
                "Bearer realm=\"weir\", error=\"invalid_token\""
            ),
        ])
    func refused(field: String, challenge: String) throws {
        try run { bed, _ in
            let wire = try Wire(to: bed.address)
            let answer = try wire.roundTrip(
                "POST /pools/a/pause HTTP/1.1\r\nHost: localhost\r\n\(field)Content-Length: 0"
                    + "\r\n\r\n")
            #expect(answer.status == 401)
            #expect(answer["www-authenticate"] == challenge)
            #expect(!answer.text.contains("horse"))
            let report = try bed.client.status()
            #expect(report.pools.first?.isPaused == false)
            #expect(!report.events.contains { $0.text.contains("horse") })
        }
    }

    @Test("A reload reads the token again; a file without one is refused and changes nothing")
    func rotation() throws {
        try run { bed, path in
            let old = try bed.networkClient(token: Self.token)
            try TextFile.write("short", to: path)
            let error = #expect(throws: AdminError.self) { try old.reload() }
            #expect(
                error?.description.contains("token_file: \(path) does not hold a token") == true)
            #expect(error?.description.contains("short") == false)
            _ = try old.pause(pool: "a")
            try TextFile.write("another-secret-of-mine", to: path)
            _ = try old.reload()
            #expect(throws: AdminError.self) { try old.resume(pool: "a") }
            _ = try bed.networkClient(token: "another-secret-of-mine").resume(pool: "a")
        }
    }

    @Test(
        "What is no token is refused without being repeated",
        arguments: ["", "fifteen-letters", "two words are none", "ünicode-is-not-accepted"])
    func malformed(text: String) {
        let error = #expect(throws: ControlError.self) { try AdminToken(text, from: "WEIR_TOKEN") }
        #expect(error?.description.hasPrefix("WEIR_TOKEN does not hold a token: 16 to") == true)
        #expect(text.isEmpty || error?.description.contains(text) == false)
    }

    @Test("A start without the token's file is refused")
    func missing() throws {
        var configuration = ControlDesk.configuration()
        configuration.admin.tokenPath = "/nowhere/token"
        let desk = try ControlDesk(configuration)
        let error = #expect(throws: ControlError.self) { try desk.control.start() }
        #expect(
            error?.description
                == "token_file: /nowhere/token cannot be read: No such file or directory")
    }

    @Test("A container drains itself by its address, without a token; whoever has none is told")
    func ownDrain() throws {
        try run { bed, _ in
            try eventually("a replica") { try !bed.client.status().pools[0].replicas.isEmpty }
            let answer = try bed.networkClient.post("/drain/self")
            #expect(answer.status == 200, "\(answer.text)")
            let replica = try bed.client.status().pools[0].replicas[0]
            #expect(replica.isDrained && replica.state == "draining")
            let late = try bed.networkClient.post("/drain/self?wait=50ms")
            #expect(late.status == 504, "no worker ever adopts here")
            #expect(try JSONValue(parsing: late.body)["replicas"]?.array?.count == 1)
            #expect(try bed.client.post("/drain/self").status == 403)
            for query in ["?wait=20", "?wait=11m", "?wait", "?x=1"] {
                #expect(try bed.networkClient.post("/drain/self" + query).status == 400)
            }
        }
        let configuration = ControlDesk.configuration(
            pools: [ControlDesk.pool("a", [LoopbackAddress.unique()])])
        try AdminBed.run(configuration) { bed in
            let answer = try bed.networkClient.post("/drain/self")
            #expect(answer.status == 403)
            #expect(answer.problem.hasPrefix("no replica has the address 127.0.0.1"))
        }
    }

    @Test("A page in a browser cannot drain the replicas at the browser's address")
    func forged() throws {
        try run { bed, _ in
            try eventually("a replica") { try !bed.client.status().pools[0].replicas.isEmpty }
            let wire = try Wire(to: bed.address)
            for field in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"] {
                let answer = try wire.roundTrip(
                    "POST /drain/self HTTP/1.1\r\nHost: 127.0.0.1\r\n\(field)\r\n"
                        + "Content-Length: 0\r\n\r\n")
                #expect(answer.status == 403)
            }
            #expect(try bed.client.status().pools[0].replicas[0].state == "ready")
        }
    }

    @Test("While an answer waits the connection is open, and others are served")
    func waiting() throws {
        try run { bed, _ in
            try eventually("a replica") { try !bed.client.status().pools[0].replicas.isEmpty }
            let wire = try Wire(to: bed.address)
            let live = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
            try wire.send(
                "POST /drain/self?wait=300ms HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                    + live)
            #expect(try bed.networkClient.get("/live").status == 200)
            #expect(try wire.readResponse().status == 504)
            #expect(try wire.readResponse().status == 200)
            let gone = try Wire(to: bed.address)
            try gone.send(
                "POST /drain/self?wait=100ms HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            gone.close()
            #expect(try wire.roundTrip(live).status == 200)
        }
    }
}
