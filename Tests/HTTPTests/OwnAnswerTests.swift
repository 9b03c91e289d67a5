import HTTP
import Testing

@Suite("Answers that weir makes itself")
struct OwnAnswerTests {
    private static func text(_ answer: OwnAnswer, room: Int = 2_048) -> String? {
        var space = [UInt8](repeating: 0, count: room)
        var span = space.mutableSpan
        guard let count = answer.write(into: &span) else { return nil }
        return String(decoding: space[..<count], as: UTF8.self)
    }

    private static var complete: OwnAnswer {
        var answer = OwnAnswer(
            status: 503, error: "destination_unavailable", details: "\"web\"\u{7}: none ready")
        answer.requestID = RequestID(high: 0, low: 0)
        answer.retryAfterSeconds = 5
        answer.date = HTTPDate(secondsSince1970: 784_111_777)
        answer.closes = true
        return answer
    }

    @Test("An answer carries its reason, its id and its length")
    func everything() {
        let fields = head(
            "HTTP/1.1 503 Service Unavailable", "Date: Sun, 06 Nov 1994 08:49:37 GMT",
            "Content-Type: text/plain", "Content-Length: 54",
            #"Proxy-Status: weir; error=destination_unavailable; details="\"web\"?: none ready""#,
            "X-Request-ID: 00000000000000000000000000000000", "Retry-After: 5",
            "Connection: close")
        let body = "503 Service Unavailable\n\"web\"?: none ready\n"
        #expect(Self.text(Self.complete)?.hasSuffix("\r\n\r\n" + body) == true)
        #expect(
            Self.text(Self.complete)
                == fields.replacing("54", with: String(body.utf8.count)) + body)
    }

    @Test("A page stands in place of status and details, and the reason stays")
    func page() throws {
        var answer = Self.complete
        answer.page = .init(contentType: "text/html", bytes: Array("<p>sorry".utf8))
        let response = try #require(Self.text(answer))
        #expect(response.hasSuffix("\r\n\r\n<p>sorry"))
        #expect(response.contains("\r\nContent-Type: text/html\r\nContent-Length: 8\r\n"))
        #expect(response.contains("error=destination_unavailable"))
        answer.isForHEAD = true
        #expect(Self.text(answer)?.hasSuffix("Connection: close\r\n\r\n") == true)
    }

    @Test("The answer to HEAD has the length but no body")
    func forHEAD() throws {
        var answer = Self.complete
        answer.isForHEAD = true
        let response = try #require(Self.text(answer))
        #expect(response.hasSuffix("Connection: close\r\n\r\n"))
        #expect(try readResponse(response, answering: .head)?.framing == BodyFraming.none)
    }

    @Test(
        "A refusal names what was wrong and closes",
        arguments: [HTTPError.foldedField, .headTooLarge])
    func refusal(error: HTTPError) throws {
        let response = try #require(Self.text(OwnAnswer(refusing: error)))
        let head = try #require(try readResponse(response))
        #expect(head.status == error.status)
        #expect(!head.keepsAlive)
        #expect(response.contains("details=\"\(error.reason)\""))
        let length = BodyFraming.length(UInt64(response.utf8.count - head.byteCount))
        #expect(head.framing == length)
    }

    @Test("An answer that does not fit is not written")
    func tooSmall() throws {
        let count = try #require(Self.text(Self.complete)).utf8.count
        #expect(Self.text(Self.complete, room: count) != nil)
        for room in 0..<count { #expect(Self.text(Self.complete, room: room) == nil) }
    }
}

@Suite("Dates and addresses")
struct TextTests {
    @Test(
        "Dates are written as HTTP wants them (RFC 9110 §5.6.7)",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_795_244_400, "Sat, 21 Nov 2026 07:00:00 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ])
    func dates(seconds: Int, text: String) {
        #expect(HTTPDate(secondsSince1970: seconds).description == text)
    }

    @Test(
        "Addresses are written as RFC 5952 wants them",
        arguments: [
            (0, 0xffff_c000_0201, "192.0.2.1"), (0, 0xffff_ffff_ffff, "255.255.255.255"),
            (0, 0xffff_0a00_6409, "10.0.100.9"), (0, 1, "::1"), (0, 0, "::"),
            (0x2001_0db8_0000_0000, 1, "2001:db8::1"),
            (0x2001_0db8_0001_0001, 0x0001_0001_0001_0001, "2001:db8:1:1:1:1:1:1"),
            (0x2001_0db8_0000_0001, 0x0000_0000_0000_0001, "2001:db8:0:1::1"),
            (0x2001_0000_0000_0001, 0x0000_0000_0000_0001, "2001:0:0:1::1"),
            (0x2001_0000_0000_0001, 0x0001_0000_0000_0001, "2001::1:1:0:0:1"),
            (0xfe80_0000_0000_0000, 0, "fe80::"), (1 << 48, 0, "1::"),
        ] as [(UInt64, UInt64, String)])
    func addresses(high: UInt64, low: UInt64, text: String) {
        #expect(AddressText(high: high, low: low).description == text)
        #expect(AddressText(text).description == text)
    }

    @Test("What is no address is unknown", arguments: ["", "a b", "x\r\ny", "fe80::1%eth0"])
    func unknown(text: String) {
        #expect(AddressText(text).description == "unknown")
    }
}
