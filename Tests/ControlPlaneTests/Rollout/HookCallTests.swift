import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Hooks on real sockets")
struct HookCallTests {
    /// What became of a call of a hook that is answered by `script`: nil is not yet, and no text
    /// is a success.
    private func outcome(_ script: @escaping ScriptedReplica.Script) throws -> String? {
        let hook = try ScriptedReplica(script)
        defer { hook.stop() }
        let loop = try EventLoop()
        let resolver = try Resolver(loop: loop, configuration: DNSConfiguration())
        defer { resolver.close() }
        let url = try #require(HookURL("http://\(hook.address)/may"))
        var outcome: String?
        let call = HookCall(loop: loop, url: url, body: ["event": "before_step"]) {
            outcome = $0 ?? ""
        }
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
        #expect(outcome == "")
    }

    @Test(
        "Whatever else a hook answers is a failure that says why",
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
        #expect(outcome == problem)
    }
}
