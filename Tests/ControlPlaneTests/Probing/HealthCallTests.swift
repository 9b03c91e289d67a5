import Testing

@testable import ControlPlane

@Suite("gRPC health")
struct HealthCallTests {
    @Test("The request names the service, and none for the server as a whole")
    func requests() {
        #expect(HealthMessage.request(service: "a.B") == [0, 0, 0, 0, 5, 10, 3, 97, 46, 66])
        #expect(HealthMessage.request(service: "") == [0, 0, 0, 0, 0])
    }

    @Test("Only SERVING passes; what else there is has its name")
    func verdicts() {
        #expect(HealthMessage.verdict([0, 0, 0, 0, 2, 8, 1]) == .passed)
        #expect(HealthMessage.verdict([0, 0, 0, 0, 4, 8, 2, 8, 1]) == .passed)
        #expect(HealthMessage.verdict([0, 0, 0, 0, 2, 8, 2]) == .failed(.health("NOT_SERVING")))
        #expect(HealthMessage.verdict([0, 0, 0, 0, 0]) == .failed(.health("UNKNOWN")))
        #expect(HealthMessage.verdict([0, 0, 0, 0, 2, 8, 9]) == .failed(.health("status 9")))
        let others: [UInt8] = [0x12, 1, 7, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1]
        #expect(HealthMessage.verdict([0, 0, 0, 0, UInt8(others.count)] + others) == .passed)
    }

    @Test("A message that is not whole is waited for, and one that is none fails")
    func malformed() {
        for count in 0..<7 {
            #expect(HealthMessage.verdict(Array([0, 0, 0, 0, 2, 8, 1][..<count])) == nil)
        }
        for bad: [UInt8] in [[8], [8, 0x80], [0x12, 9, 1], [0x1d, 1], [0x0b], [0x80]] {
            let bytes = [0, 0, 0, 0, UInt8(bad.count)] + bad
            #expect(HealthMessage.verdict(bytes) == .failed(.malformed("its message")), "\(bad)")
        }
        #expect(HealthMessage.verdict([1, 0, 0, 0, 0]) == .failed(.malformed("its message")))
        #expect(HealthMessage.verdict([0, 9, 0, 0, 0]) == .failed(.malformed("its message")))
    }

    @Test("What is no HTTP/2 is none")
    func noise() throws {
        let call = try #require(HealthCall(service: "", authority: "app"))
        #expect(call.output().starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)))
        let noise = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
        #expect(call.take(noise.span) == .failed(.malformed("not HTTP/2")))
    }
}
