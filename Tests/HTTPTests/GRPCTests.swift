import Testing

@testable import HTTP

@Suite("gRPC calls")
struct GRPCTests {
    @Test(
        "A call is known by its method and its type",
        arguments: [
            ("POST", "application/grpc", true), ("POST", "application/grpc+proto", true),
            ("POST", "Application/GRPC;charset=utf-8", true),
            ("POST", "application/grpc-web", false),
            ("POST", "application/grpcs", false), ("POST", "application/json", false),
            ("GET", "application/grpc", false),
        ])
    func types(method: String, type: String, isCall: Bool) throws {
        let call = try call(method, "Content-Type: \(type)")
        #expect((call != nil) == isCall)
    }

    @Test(
        "The time that a client waits is read where it says so in the way that gRPC has",
        arguments: [
            ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000),
            ("250m", 250_000_000), ("5u", 5_000), ("7n", 7), ("99999999n", 99_999_999),
            ("", nil), ("m", nil), ("1", nil), ("1x", nil), ("-1S", nil), ("1.5S", nil),
            ("123456789n", nil), ("8760H", 31_536_000_000_000_000), ("8761H", nil),
            ("99999999H", nil), ("99999999M", nil),
        ] as [(String, UInt64?)])
    func timeouts(text: String, nanoseconds: UInt64?) throws {
        let call = try #require(
            try call("POST", "Content-Type: application/grpc\r\ngrpc-timeout: \(text)"))
        #expect(call.timeoutNanoseconds == nanoseconds)
    }

    @Test("An answer of weir's own to a call has the status and the reason in its head")
    func answers() throws {
        var answer = OwnAnswer(status: 503, error: "destination_unavailable", details: "paused 5%")
        answer.grpcStatus = .unavailable
        answer.closes = true
        var bytes = [UInt8](repeating: 0, count: 1_024)
        var span = bytes.mutableSpan
        let written = answer.write(into: &span)
        let count = try #require(written)
        #expect(
            String(decoding: bytes[..<count], as: UTF8.self)
                == "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n"
                + "grpc-status: 14\r\ngrpc-message: paused 5?\r\n"
                + "Proxy-Status: weir; error=destination_unavailable; details=\"paused 5%\"\r\n"
                + "Connection: close\r\n\r\n")
    }

    private func call(_ method: String, _ fields: String) throws -> GRPCCall? {
        let bytes = Array("\(method) /a.B/C HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n".utf8)
        var head = RequestHead()
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        return GRPCCall(head, from: bytes.span)
    }
}
