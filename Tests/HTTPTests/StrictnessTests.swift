import HTTP
import Testing

/// What two parsers could read differently is refused, never repaired.
@Suite("Strictness")
struct StrictnessTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let rule: String
        let message: String
        let error: HTTPError
        var testDescription: String { rule }

        init(_ rule: String, _ message: String, _ error: HTTPError) {
            self.rule = rule
            self.message = message
            self.error = error
        }
    }

    private static func with(_ field: String, version: String = "1.1") -> String {
        "POST / HTTP/\(version)\r\nHost: a\r\n" + field + "\r\n\r\n"
    }

    static let lines: [Case] = [
        Case(
            "RFC 9112 §2.2 LF after the start line", "GET / HTTP/1.1\nHost: a\n\n", .bareLineBreak),
        Case("RFC 9112 §2.2 LF in the start line", "GET /\n\n", .bareLineBreak),
        Case("RFC 9112 §2.2 LF after a field", with("X: y\nZ: 1"), .bareLineBreak),
        Case("RFC 9112 §2.2 LF after a name", with("X\nZ: 1"), .bareLineBreak),
        Case("RFC 9112 §2.2 LF as blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineBreak),
        Case("RFC 9112 §2.2 CR in a value", with("X: y\rZ: 1"), .bareLineBreak),
        Case("RFC 9112 §2.2 CR CR LF", with("X: y\r"), .bareLineBreak),
        Case("RFC 9112 §2.2 CR in the start line", "GET /\r HTTP/1.1\r\n\r\n", .malformedTarget),
        Case("RFC 9112 §2.2 CR before a field", with("\rX: y"), .bareLineBreak),
        Case("RFC 9112 §5.2 folded with a space", with("X: y\r\n z"), .foldedField),
        Case("RFC 9112 §5.2 folded with a tab", with("X: y\r\n\tz: 1"), .foldedField),
        Case(
            "RFC 9112 §2.2 white space before the first field",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
        Case("RFC 9110 §5.5 NUL in a value", with("X: a\u{0}b"), .forbiddenByte),
        Case("RFC 9110 §5.5 control in a value", with("X: a\u{1}b"), .forbiddenByte),
        Case("RFC 9110 §5.5 DEL in a value", with("X: abcdefghijk\u{7f}"), .forbiddenByte),
        Case("RFC 9110 §5.5 escape in a value", with("X: \u{1b}[0m"), .forbiddenByte),
        Case("RFC 9110 §5.1 NUL in a name", with("X\u{0}: a"), .forbiddenByte),
        Case("RFC 9112 §5.1 space before the colon", with("X : y"), .malformedField),
        Case("RFC 9112 §5.1 tab before the colon", with("X\t: y"), .malformedField),
        Case("RFC 9112 §5.1 empty name", with(": y"), .malformedField),
        Case("RFC 9112 §5.1 no colon", with("Xyz"), .malformedField),
        Case("RFC 9110 §5.1 name is no token", with("X(a): y"), .malformedField),
        Case("RFC 9110 §5.1 name outside ASCII", with("f\u{fc}r: y"), .malformedField),
        Case("RFC 9112 §3 no version", "GET /\r\n\r\n", .malformedTarget),
        Case("RFC 9112 §3 no method", " / HTTP/1.1\r\n\r\n", .malformedStartLine),
        Case("RFC 9112 §3 method is no token", "G@T / HTTP/1.1\r\n\r\n", .malformedStartLine),
        Case("RFC 9112 §3 tab for space", "GET\t/ HTTP/1.1\r\n\r\n", .malformedStartLine),
        Case("RFC 9112 §3 text after version", "GET / HTTP/1.1 \r\n\r\n", .malformedStartLine),
        Case("RFC 9112 §2.3 version in lower case", "GET / http/1.1\r\n\r\n", .malformedStartLine),
        Case("RFC 9112 §2.3 version 1.2", "GET / HTTP/1.2\r\n\r\n", .unsupportedVersion),
        Case("RFC 9112 §2.3 version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        Case("RFC 9112 §2.3 version 11", "GET / HTTP/11.1\r\n\r\n", .malformedStartLine),
    ]

    static let framing: [Case] = [
        Case(
            "RFC 9112 §6.3 two lengths", with("Content-Length: 1\r\nContent-Length: 2"),
            .conflictingLength),
        Case(
            "RFC 9112 §6.3 two equal lengths", with("Content-Length: 1\r\nContent-Length: 1"),
            .conflictingLength),
        Case("RFC 9112 §6.3 a list of lengths", with("Content-Length: 1, 1"), .conflictingLength),
        Case("RFC 9110 §8.6 signed length", with("Content-Length: +1"), .invalidLength),
        Case("RFC 9110 §8.6 negative length", with("Content-Length: -1"), .invalidLength),
        Case("RFC 9110 §8.6 empty length", with("Content-Length:"), .invalidLength),
        Case("RFC 9110 §8.6 length in words", with("Content-Length: 1 2"), .invalidLength),
        Case("RFC 9110 §8.6 hexadecimal length", with("Content-Length: 0x1"), .invalidLength),
        Case(
            "RFC 9110 §8.6 length over 64 bits", with("Content-Length: 18446744073709551616"),
            .invalidLength),
        Case(
            "RFC 9112 §6.1 length and chunks",
            with("Content-Length: 1\r\nTransfer-Encoding: chunked"), .conflictingFraming),
        Case(
            "RFC 9112 §6.1 chunks and length zero",
            with("Transfer-Encoding: chunked\r\nContent-Length: 0"), .conflictingFraming),
        Case(
            "RFC 9112 §6.1 chunks twice",
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .conflictingFraming),
        Case(
            "RFC 9112 §6.1 chunks in HTTP/1.0",
            with("Transfer-Encoding: chunked", version: "1.0"), .conflictingFraming),
        Case(
            "RFC 9112 §7 other codings", with("Transfer-Encoding: gzip, chunked"),
            .unknownTransferCoding),
        Case(
            "RFC 9112 §7 chunked, chunked", with("Transfer-Encoding: chunked, chunked"),
            .unknownTransferCoding),
        Case("RFC 9112 §7 identity", with("Transfer-Encoding: identity"), .unknownTransferCoding),
        Case("RFC 9112 §7 nearly", with("Transfer-Encoding: xchunked"), .unknownTransferCoding),
        Case("RFC 9112 §7 quoted", with("Transfer-Encoding: \"chunked\""), .unknownTransferCoding),
        Case("RFC 9112 §7 empty", with("Transfer-Encoding:"), .unknownTransferCoding),
        Case("RFC 9112 §7 parameter", with("Transfer-Encoding: chunked;a"), .unknownTransferCoding),
        Case("RFC 9112 §3.2 several hosts", with("Host: a"), .severalHosts),
        Case(
            "RFC 9110 §9.3.8 TRACE with a body",
            head("TRACE / HTTP/1.1", "Host: a", "Content-Length: 1"), .unexpectedBody),
    ]

    @Test("Lines and bytes", arguments: lines)
    func refusesLine(_ example: Case) {
        #expect(throws: example.error) { try readRequest(example.message) }
    }

    @Test("Framing and hosts", arguments: framing)
    func refusesFraming(_ example: Case) {
        #expect(throws: example.error) { try readRequest(example.message) }
    }

    @Test("A name that only resembles Transfer-Encoding frames nothing")
    func resemblance() throws {
        for name in [
            "Transfer_Encoding", "TransferXEncoding", "Transfer-Encodin", "XTransfer-Encoding",
        ] {
            let request = try readRequest(Self.with(name + ": chunked"))
            #expect(request?.framing == BodyFraming.none, "\(name)")
        }
    }

    @Test("Limits are exact, and their errors have their own status")
    func limits() throws {
        let request = head("GET /12345 HTTP/1.1", "Host: a", "X: y")
        let count = request.utf8.count
        #expect(try readRequest(request, limits: HeadLimits(headBytesMaximum: count)) != nil)
        #expect(throws: HTTPError.headTooLarge) {
            try readRequest(request, limits: HeadLimits(headBytesMaximum: count - 1))
        }
        #expect(try readRequest(request, limits: HeadLimits(targetBytesMaximum: 6)) != nil)
        #expect(throws: HTTPError.targetTooLong) {
            try readRequest(request, limits: HeadLimits(targetBytesMaximum: 5))
        }
        #expect(try readRequest(request, limits: HeadLimits(fieldsMaximum: 2)) != nil)
        #expect(throws: HTTPError.tooManyFields) {
            try readRequest(request, limits: HeadLimits(fieldsMaximum: 1))
        }
        #expect(HTTPError.headTooLarge.status == 431)
        #expect(HTTPError.targetTooLong.status == 414)
        #expect(HTTPError.tooManyFields.status == 431)
        #expect(HTTPError.unknownTransferCoding.status == 501)
        #expect(HTTPError.unsupportedVersion.status == 505)
        #expect(HTTPError.foldedField.status == 400)
        #expect(HTTPError.foldedField.reason == "folded_field")
    }

    @Test("Limits that are absurd are survived")
    func absurdLimits() throws {
        let long = Array(
            head("GET / HTTP/1.1", "Host: a", "X: " + String(repeating: "y", count: 70_000)).utf8)
        #expect(throws: HTTPError.headTooLarge) {
            try readRequest(long, limits: HeadLimits(headBytesMaximum: .max))
        }
        let fields = (0..<200).map { "X\($0): y" }.joined(separator: "\r\n")
        #expect(throws: HTTPError.tooManyFields) {
            try readRequest(Self.with(fields), limits: HeadLimits(fieldsMaximum: .max))
        }
        for limit in [0, -1, .min] {
            #expect(throws: HTTPError.headTooLarge) {
                try readRequest(long, limits: HeadLimits(headBytesMaximum: limit))
            }
        }
    }

    @Test("A target that never ends is refused before its line does")
    func endlessTarget() {
        #expect(throws: HTTPError.targetTooLong) {
            try readRequest("GET /" + String(repeating: "a", count: 9_000))
        }
    }

    @Test("More connection options than anyone needs are refused")
    func connectionOptions() throws {
        let options = { (count: Int) in (0..<count).map { "x\($0)" }.joined(separator: ",") }
        #expect(try readRequest(Self.with("Connection: " + options(32))) != nil)
        #expect(throws: HTTPError.malformedField) {
            try readRequest(Self.with("Connection: " + options(33)))
        }
    }
}
