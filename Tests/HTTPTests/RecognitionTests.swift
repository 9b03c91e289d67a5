import Testing

@testable import HTTP

@Suite("Recognition of names and bytes")
struct RecognitionTests {
    static let names: [(String, FieldName)] = [
        ("Host", .host), ("Connection", .connection), ("Content-Length", .contentLength),
        ("Transfer-Encoding", .transferEncoding), ("Trailer", .trailer), ("TE", .te),
        ("Upgrade", .upgrade), ("Expect", .expect), ("Keep-Alive", .keepAlive),
        ("Proxy-Connection", .proxyConnection), ("Proxy-Authenticate", .proxyAuthenticate),
        ("Proxy-Authorization", .proxyAuthorization), ("HTTP2-Settings", .http2Settings),
        ("Forwarded", .forwarded), ("X-Forwarded-For", .xForwardedFor),
        ("X-Forwarded-Proto", .xForwardedProto), ("X-Forwarded-Host", .xForwardedHost),
        ("Via", .via), ("X-Request-ID", .xRequestID), ("Date", .date), ("Server", .server),
        ("Idempotency-Key", .idempotencyKey), ("Cookie", .cookie), ("Set-Cookie", .setCookie),
        ("Content-Type", .contentType), ("User-Agent", .userAgent), ("Referer", .referer),
        ("traceparent", .traceparent), ("TraceState", .tracestate), ("Weir-Drain", .weirDrain),
        ("X-Forwarded-Port", .xForwardedOther), ("X-Forwarded-A-Very-Long-Name", .xForwardedOther),
        ("X-Real-IP", .xRealIP), ("Authorization", .authorization),
    ]

    private static func recognise(_ name: String) -> FieldName {
        let bytes = Array(name.utf8)
        return FieldName(bytes.span, 0, bytes.count)
    }

    @Test("A name is recognised in any case", arguments: names)
    func known(name: String, id: FieldName) {
        for name in [name, name.lowercased(), name.uppercased()] {
            #expect(Self.recognise(name) == id)
            var folded = FoldedName()
            for (index, byte) in name.utf8.enumerated() { folded.append(byte, at: index) }
            let count = name.utf8.count
            #expect(FieldName(count: count, initial: folded.initial, name: folded) == id)
        }
    }

    @Test("Underscores do not hide a forwarding field")
    func underscores() {
        for name in ["X_Forwarded_For", "x-forwarded_host", "X_Forwarded-Proto"] {
            #expect(Self.recognise(name) == .xForwardedOther, "\(name)")
        }
    }

    @Test("A name with one byte changed, added or missing is another", arguments: names)
    func unknown(name: String, id: FieldName) {
        let bytes = Array(name.utf8)
        let others: Set<FieldName> = [.other, .xForwardedOther]
        #expect(others.contains(Self.recognise(name + "x")))
        #expect(others.contains(Self.recognise("x" + name)))
        #expect(others.contains(Self.recognise(String(name.dropLast()))))
        for index in bytes.indices {
            for replacement in "!#$%&'*+-.^_`|~0aZ".utf8
            where replacement | 0x20 != bytes[index] | 0x20 {
                var changed = bytes
                changed[index] = replacement
                let id = FieldName(changed.span, 0, changed.count)
                #expect(others.contains(id), "\(String(decoding: changed, as: UTF8.self))")
            }
        }
    }

    @Test("The byte table says what the grammar says")
    func byteClasses() {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let plain = Set((letters + letters.uppercased() + "0123456789").utf8)
        let classes: [(UInt8, Set<UInt8>)] = [
            (ByteClass.token, plain.union("!#$%&'*+-.^_`|~".utf8)),
            (ByteClass.hostName, plain.union("-._~".utf8)),
            (ByteClass.address, Set("0123456789abcdefABCDEF:.".utf8)),
            (ByteClass.requestID, plain.union("-._:+/=~@".utf8)),
        ]
        for (byteClass, members) in classes {
            for byte in UInt8.min...UInt8.max {
                #expect(byte.belongs(to: byteClass) == members.contains(byte), "\(byte)")
            }
        }
    }

    @Test("Scans stop at the same byte wherever it stands")
    func scans() {
        for count in 0..<40 {
            for position in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    var bytes = [UInt8](repeating: 0x61, count: count)
                    bytes[position] = byte
                    let span = bytes.span
                    let text = byte >= 0x20 && byte != 0x7f || byte == 0x09
                    let target = byte > 0x20 && byte < 0x7f && byte != 0x3f && byte != 0x23
                    let token = byte.belongs(to: ByteClass.token)
                    let isRight =
                        span.endOfText(from: 0) == (text ? count : position)
                        && span.endOfTargetText(from: 0) == (target ? count : position)
                        && span.endOfToken(from: 0) == (token ? count : position)
                    if !isRight { Issue.record("byte \(byte) at \(position) of \(count)") }
                }
            }
        }
    }
}
