import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("POST on real sockets")
struct HTTPPostTests {
    /// What became of a call that is answered by `script`: nil is not yet.
    private func outcome(
        _ script: @escaping ScriptedReplica.Script
    ) throws -> HTTPPost.Outcome? {
        let hook = try ScriptedReplica(script)
        defer { hook.stop() }
        let loop = try EventLoop()
        let resolver = try Resolver(loop: loop, configuration: DNSConfiguration())
        defer { resolver.close() }
        let url = try #require(HTTPURL("http://\(hook.address)/may"))
        var outcome: HTTPPost.Outcome?
        let call = HTTPPost(loop: loop, url: url, body: Array("{}".utf8)) { outcome = $0 }
        call.begin(url, resolver: resolver)
        loop.turn { outcome != nil }
        call.cancel()
        return outcome
    }

    @Test("Interim responses are passed over, however many come before the answer")
    func interim() throws {
        let outcome = try outcome { wire in
            _ = try wire.readRequest()
            let interim = String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 2_000)
            try wire.send(interim + "HTTP/1.1 204 No Content\r\n\r\n")
        }
        #expect(outcome == .answered(status: 204, retryAfterSeconds: nil))
        #expect(outcome?.problem == nil)
    }

    @Test(
        "When to come again is told, if the answer says so in seconds",
        arguments: [("7", 7), ("Fri, 31 Dec 1999 23:59:59 GMT", nil), ("-", nil)])
    func retryAfter(value: String, seconds: Int?) throws {
        let outcome = try outcome { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 503 Later\r\nretry-AFTER: \(value)\r\n\r\n")
        }
        #expect(outcome == .answered(status: 503, retryAfterSeconds: seconds))
    }

    @Test(
        "Whatever else is answered is a failure that says why",
        arguments: [
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", "status 302"),
            ("HTTP/1.1 500 Oh\r\n\r\n", "status 500"),
            ("HTTP/1.1 200 O", "the connection was closed before an answer"),
            ("SSH-2.0-x\r\n", "not HTTP: malformed_start_line"),
            (
                "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 20_000),
                "not HTTP: head_too_large"
            ),
        ])
    func failures(answer: String, problem: String) throws {
        let outcome = try outcome { wire in
            _ = try wire.readRequest()
            try wire.send(answer)
        }
        #expect(outcome?.problem == problem)
    }
}
