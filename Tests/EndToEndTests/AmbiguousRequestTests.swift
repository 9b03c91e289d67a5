import TestSupport
import Testing

/// Requests that two readers could take for different messages (RFC 9112 §11.2).
@Suite struct AmbiguousRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        var accepted = [400]

        init(_ name: String, _ text: String, or others: [Int] = []) {
            testDescription = name
            self.text = text
            accepted += others
        }
    }

    private static func post(_ fields: String, _ body: String) -> String {
        "POST /evil HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)"
    }

    private static let get = "GET /evil HTTP/1.1\r\nHost: a\r\n"
    private static let chunked = "Transfer-Encoding: chunked"

    static let lengths = [
        Case(
            "two different Content-Length", post("Content-Length: 3\r\nContent-Length: 4", "abcd")),
        Case("two equal Content-Length", post("Content-Length: 3\r\nContent-Length: 3", "abc")),
        Case("a list in Content-Length", post("Content-Length: 3, 4", "abcd")),
        Case("a signed Content-Length", post("Content-Length: +3", "abc")),
        Case("a negative Content-Length", post("Content-Length: -3", "abc")),
        Case("a hexadecimal Content-Length", post("Content-Length: 0x3", "abc")),
        Case("an empty Content-Length", post("Content-Length:", "abc")),
        Case("a Content-Length with a space inside", post("Content-Length: 1 0", "0123456789")),
        Case("a huge Content-Length", post("Content-Length: 99999999999999999999", "a"), or: [413]),
        Case("length and chunked", post("Content-Length: 3\r\n\(chunked)", "0\r\n\r\n")),
        Case("chunked and length", post("\(chunked)\r\nContent-Length: 3", "0\r\n\r\n")),
        Case("chunked twice", post("\(chunked)\r\n\(chunked)", "0\r\n\r\n"), or: [501]),
        Case("chunked not last", post("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), or: [501]),
        Case("an unknown coding", post("Transfer-Encoding: xchunked", "0\r\n\r\n"), or: [501]),
        Case("identity", post("Transfer-Encoding: identity", "abc"), or: [501]),
        Case("an empty Transfer-Encoding", post("Transfer-Encoding:", "abc"), or: [501]),
        Case(
            "chunked in HTTP/1.0",
            "POST /evil HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ]

    static let fields = [
        Case("a folded field", get + "X: a\r\n b\r\n\r\n"),
        Case("a folded field by a tab", get + "X: a\r\n\tb\r\n\r\n"),
        Case("white space before the first field", "GET /evil HTTP/1.1\r\n Host: a\r\n\r\n"),
        Case("white space before the colon", get + "Content-Length : 3\r\n\r\nabc"),
        Case("a tab before the colon", get + "X\t: 3\r\n\r\n"),
        Case("a field without a colon", get + "X\r\n\r\n"),
        Case("a field without a name", get + ": x\r\n\r\n"),
        Case("a bare LF after a field", get + "X: a\nY: b\r\n\r\n"),
        Case("a bare LF at the end", get + "X: a\r\n\n"),
        Case("a bare CR in a value", get + "X: a\rY: b\r\n\r\n"),
        Case("a NUL in a value", get + "X: a\0b\r\n\r\n"),
        Case("a NUL in a name", get + "X\0: a\r\n\r\n"),
        Case("a control byte in a value", get + "X: a\u{1}b\r\n\r\n"),
        Case("a forbidden byte in a name", get + "X(y): a\r\n\r\n"),
        Case("two Hosts", get + "Host: b\r\n\r\n"),
        Case("two equal Hosts", get + "Host: a\r\n\r\n"),
        Case("no Host", "GET /evil HTTP/1.1\r\n\r\n"),
        Case("a Host with a space", "GET /evil HTTP/1.1\r\nHost: a b\r\n\r\n"),
        Case("a Host with a slash", "GET /evil HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ]

    static let startLines = [
        Case("a bare LF after the start line", "GET /evil HTTP/1.1\nHost: a\r\n\r\n"),
        Case("two spaces", "GET  /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("a space in the target", "GET /evil x HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("a tab for a space", "GET\t/evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("a NUL in the target", "GET /ev\0il HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("a fragment in the target", "GET /evil#x HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("a target without a slash", "GET evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("no version", "GET /evil\r\nHost: a\r\n\r\n"),
        Case("a version with two digits", "GET /evil HTTP/1.10\r\nHost: a\r\n\r\n", or: [505]),
        Case("a version in small letters", "GET /evil http/1.1\r\nHost: a\r\n\r\n", or: [505]),
        Case("a version to come", "GET /evil HTTP/3.0\r\nHost: a\r\n\r\n", or: [505]),
        Case("a method with a bad byte", "GE(T /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("no method", " /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case("bytes that are no HTTP", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"),
    ]

    @Test(
        "An ambiguous head is refused, closed, and reaches no replica",
        arguments: lengths + fields + startLines)
    func heads(ambiguous: Case) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("reached"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /good")).status == 200)
            let smuggled = request("GET /smuggled")
            try client.send(ambiguous.text + smuggled)
            let response = try client.readResponse()
            #expect(ambiguous.accepted.contains(try #require(response.status)))
            #expect(response.reason != nil, "no reason in \(response.fields)")
            #expect(response["connection"]?.lowercased() == "close")
            #expect(client.isClosedByOtherSide(within: 5))
            #expect(replica.requests == 1)
        }
    }

    static let chunks = [
        Case("a chunk size that is no number", "x\r\nabc\r\n0\r\n\r\n"),
        Case("an empty chunk size", "\r\nabc\r\n0\r\n\r\n"),
        Case("a signed chunk size", "+3\r\nabc\r\n0\r\n\r\n"),
        Case("a negative chunk size", "-3\r\nabc\r\n0\r\n\r\n"),
        Case("a chunk size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"),
        Case("a chunk size beyond 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
        Case("a space before a chunk size", " 3\r\nabc\r\n0\r\n\r\n"),
        Case("a chunk size that ends with LF", "3\nabc\r\n0\r\n\r\n"),
        Case("a chunk longer than its size", "3\r\nabcd\r\n0\r\n\r\n"),
        Case("a chunk that ends with LF", "3\r\nabc\n0\r\n\r\n"),
        Case("a bare CR in a chunk extension", "3;a\rb\r\nabc\r\n0\r\n\r\n"),
        Case("a bare LF in a chunk extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
        Case("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"),
        Case("a trailer without a colon", "0\r\nX\r\n\r\n"),
        Case("a trailer that ends with LF", "0\r\nX: a\n\r\n"),
    ]

    /// The head was good, so a replica may have begun; it must not get a whole request out of it.
    @Test("A malformed chunked body never makes a whole request", arguments: chunks)
    func bodies(malformed: Case) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("whole"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            try client.send(Self.post(Self.chunked, malformed.text) + request("GET /smuggled"))
            let response = try client.readResponse()
            #expect(response.status == 400)
            #expect(response.reason != nil)
            #expect(client.isClosedByOtherSide(within: 5))
            #expect(replica.requests == 0)
        }
    }
}
