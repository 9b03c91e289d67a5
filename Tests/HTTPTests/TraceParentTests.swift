import HTTP
import Testing

@Suite("W3C Trace Context")
struct TraceParentTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let known = "00-\(traceID)-00f067aa0ba902b7-01"
    private static let own = TraceParent(
        traceHigh: 0x4bf9_2f35_77b3_4da6, traceLow: 0xa3ce_929d_0e0e_4736, spanID: 0xab,
        flags: TraceParent.sampled)

    private func context(_ value: String) -> TraceParent? {
        let bytes = Array(value.utf8)
        return TraceParent(bytes.span)
    }

    @Test("A valid traceparent is read")
    func valid() throws {
        let read = try #require(context(Self.known))
        #expect(read.traceHigh == 0x4bf9_2f35_77b3_4da6)
        #expect(read.traceLow == 0xa3ce_929d_0e0e_4736)
        #expect(read.spanID == 0x00f0_67aa_0ba9_02b7)
        #expect(read.isSampled)
        #expect(context("00-\(Self.traceID)-00f067aa0ba902b7-fe")?.isSampled == false)
    }

    @Test(
        "Of a version to come the beginning is read, and what follows is left alone",
        arguments: ["cc-\(traceID)-00f067aa0ba902b7-01", "cc-\(traceID)-00f067aa0ba902b7-01-what"])
    func future(value: String) {
        #expect(context(value)?.spanID == 0x00f0_67aa_0ba9_02b7)
    }

    @Test(
        "What is no traceparent is none",
        arguments: [
            "", "00", "00-\(traceID)-00f067aa0ba902b7", "00-\(traceID)-00f067aa0ba902b7-1",
            "00-\(traceID)-00f067aa0ba902b7-01-more", "00-\(traceID)-00f067aa0ba902b7-01.",
            "cc-\(traceID)-00f067aa0ba902b7-01.what", "ff-\(traceID)-00f067aa0ba902b7-01",
            "00-\(traceID.uppercased())-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-\(traceID)-0000000000000000-01", "00-\(traceID)-00f067aa0ba902bg-01",
            "00_\(traceID)-00f067aa0ba902b7-01", "0x-\(traceID)-00f067aa0ba902b7-01",
            "00-\(traceID)-00f067aa0ba902b7-0x",
        ])
    func invalid(value: String) {
        #expect(context(value) == nil)
    }

    private func context(of fields: String...) throws -> TraceParent? {
        var head = RequestHead()
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        return TraceParent(of: head, from: bytes.span)
    }

    @Test("A request says it in one field, whatever the case of its name")
    func ofRequest() throws {
        #expect(try context(of: "TraceParent:  \(Self.known) ") == context(Self.known))
        #expect(try context(of: "X: y") == nil)
        #expect(try context(of: "traceparent: \(Self.known)", "traceparent: \(Self.known)") == nil)
        #expect(try context(of: "traceparent: nonsense") == nil)
    }

    /// The lines about the trace that the upstream gets of a request.
    private func lines(_ trace: TraceForwarding, _ fields: String...) throws -> [String] {
        var forwarding = Forwarding(address: "192.0.2.1", id: RequestID(high: 1, low: 2))
        forwarding.trace = trace
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        let sent = try #require(try forwarded(text, forwarding))
        #expect(sent.hasSuffix("\r\n\r\n"))
        return sent.components("\r\n").filter { $0.lowercased().hasPrefix("trace") }
    }

    @Test("What the client said goes on, unless weir has something else to say")
    func forwarding() throws {
        let parent = "traceparent: \(Self.known)"
        let state = "tracestate: a=b"
        let own = "traceparent: 00-\(Self.traceID)-00000000000000ab-01"
        #expect(try lines(.unchanged, parent, state) == [parent, state])
        #expect(try lines(.unchanged, "traceparent: no") == ["traceparent: no"])
        #expect(try lines(.continued(Self.own), parent, state) == [state, own])
        #expect(try lines(.begun(Self.own), "traceparent: no", parent, state) == [own])
        #expect(try lines(.begun(Self.own)) == [own])
    }

    @Test("In a head that ends with weir's own, the trace is found and the parent can be changed")
    func traced() throws {
        var forwarding = Forwarding(address: "192.0.2.1", id: RequestID(high: 1, low: 2))
        forwarding.trace = .begun(Self.own)
        let sent = try #require(try forwarded("GET / HTTP/1.1\r\nHost: a\r\n\r\n", forwarding))
        var bytes = Array(sent.utf8)
        let before = bytes
        let trace = TracedHead.traceID(before.span)
        let digits = (0..<trace.count).map { trace[$0] }
        #expect(digits == Array(Self.traceID.utf8))
        var span = bytes.mutableSpan
        TracedHead.setSpanID(0xfedc_ba98_7654_3210, in: &span)
        let expected = "traceparent: 00-\(Self.traceID)-fedcba9876543210-01\r\n\r\n"
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix(expected))
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = [""]
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(separator) {
                parts.append("")
                rest = rest.dropFirst(separator.count)
            } else {
                parts[parts.count - 1].append(rest.removeFirst())
            }
        }
        return parts
    }
}
