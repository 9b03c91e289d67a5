/// How a request is presented to the upstream. It looks at the address and the id where they are,
/// since they are large enough for their copies to cost more than the rest.
public struct RequestForwarding: ~Escapable, BitwiseCopyable {
    /// What the client spoke.
    public enum Scheme: Sendable, BitwiseCopyable { case http, https }

    let clientAddress: Span<UInt8>
    let isIPv6: Bool
    public var scheme: Scheme
    /// What the upstream is told that the request is called.
    let requestID: Span<UInt8>
    /// Believe what the client says about those before it, and add to it; otherwise replace it.
    public var isTrusted = false
    /// Pass the upgrade on that the request asks for.
    public var keepsUpgrade = false
    /// The added lines tell of the client's certificate (RFC 9440), and nobody else does.
    public var showsCertificate = false
    /// Add a Via field (RFC 9110 §7.6.3).
    public var addsVia = false
    /// Which trace the upstream is told that the request belongs to.
    public var trace = TraceForwarding.unchanged

    /// A client that is not trusted, and no upgrade; what differs is set afterwards.
    @_lifetime(borrow clientAddress, borrow requestID)
    public init(
        clientAddress: borrowing AddressText, scheme: Scheme, requestID: borrowing RequestID
    ) {
        self.clientAddress = clientAddress.text.span
        isIPv6 = clientAddress.isIPv6
        self.scheme = scheme
        self.requestID = requestID.text.span
    }

    /// The fields that do not go on as they are.
    @inline(__always)
    fileprivate func dropped(from head: borrowing RequestHead) -> FieldNameSet {
        var names = FieldNameSet.hopByHop.with(.xRequestID)
        if keepsUpgrade, head.wantsUpgrade { names.remove(.upgrade) }
        if head.isAbsolute { names.insert(.host) }
        if head.minorVersion == 0 { names.insert(.expect) }
        if showsCertificate { names.insert(.clientCert) }
        if trace.kind != .unchanged {
            names.insert(.traceparent)
            if trace.kind == .begun { names.insert(.tracestate) }
        }
        return isTrusted
            ? names.with(.xForwardedFor).with(.forwarded) : names.with(.forwarding)
    }
}

/// Writes a request head as the upstream gets it, at the front of `space`, and returns its bytes;
/// nil when it does not fit.
///
/// `bytes` is the span that the head was parsed from. HTTP/1.1, origin-form, one Host, the fields
/// in order and byte for byte, without what is meant for weir only, and then weir's own, the last
/// of them `lines`, which are whole field lines, and the trace.
/// RFC 9110 §7.6, RFC 9112 §3.2, RFC 7239.
public func writeRequest(
    _ head: borrowing RequestHead, from bytes: Span<UInt8>, adding lines: Span<UInt8> = Span(),
    forwarding: borrowing RequestForwarding, into space: inout MutableSpan<UInt8>
) -> Int? {
    var writer = HeadWriter(&space)
    let start = writer.appendRequestLine(head, from: bytes)
    writer.appendFields(
        head.fields.span, from: bytes,
        lines: ByteRange(start: start, end: head.fieldLines.end),
        except: forwarding.dropped(from: head), facts: head.facts)
    writer.appendConnection(head, keepsUpgrade: forwarding.keepsUpgrade)
    if head.framing == .chunked { writer.append("Transfer-Encoding: chunked\r\n") }
    writer.appendOrigin(head, from: bytes, forwarding: forwarding)
    writer.append(lines)
    if forwarding.trace.kind != .unchanged { writer.append(forwarding.trace.parent) }
    writer.append("\r\n")
    return writer.written
}

extension HeadWriter {
    /// RFC 9112 §3.2.1; and Host, where the request has none that can go on (§3.2.2).
    ///
    /// - Returns: where that begins which is still to be copied: what the client wrote goes on in
    ///   one piece with the field lines, if it can.
    @inline(__always)
    fileprivate mutating func appendRequestLine(
        _ head: borrowing RequestHead, from bytes: Span<UInt8>
    ) -> UInt16 {
        let isOriginForm = !head.path.isEmpty && head.path.start == head.target.start
        if isOriginForm, head.minorVersion == 1 { return head.methodRange.start }
        append(bytes, head.methodRange)
        append(" ")
        if head.path.isEmpty {
            let isAsterisk = head.method == .options && head.query.isEmpty
            append(byte: isAsterisk ? UInt8(ascii: "*") : .slash)
        }
        append(bytes, head.path)
        append(bytes, head.query)
        append(" HTTP/1.1\r\n")
        if head.isAbsolute || !head.facts.seen.contains(.host) {
            append("Host: ")
            append(bytes, head.authority)
            append("\r\n")
        }
        return head.fieldLines.start
    }

    /// The options of this hop: an upgrade, and that trailers are welcome (RFC 9110 §7.6.1,
    /// §10.1.4).
    @inline(__always)
    fileprivate mutating func appendConnection(
        _ head: borrowing RequestHead, keepsUpgrade: Bool
    ) {
        let upgrades = keepsUpgrade && head.wantsUpgrade
        if head.acceptsTrailers {
            append("TE: trailers\r\n")
            append(upgrades ? "Connection: TE, upgrade\r\n" : "Connection: TE\r\n")
        } else if upgrades {
            append("Connection: upgrade\r\n")
        }
    }

    /// Where the request came from, in both conventions, and what it is called.
    @inline(__always)
    fileprivate mutating func appendOrigin(
        _ head: borrowing RequestHead, from bytes: Span<UInt8>,
        forwarding: borrowing RequestForwarding
    ) {
        let isTrusted = forwarding.isTrusted
        append("X-Forwarded-For: ")
        if isTrusted { appendValues(of: .xForwardedFor, head, from: bytes) }
        append(forwarding.clientAddress)
        if !isTrusted || !head.facts.seen.contains(.xForwardedProto) {
            append("\r\nX-Forwarded-Proto: http")
            if forwarding.scheme == .https { append("s") }
        }
        if !head.authority.isEmpty, !isTrusted || !head.facts.seen.contains(.xForwardedHost) {
            append("\r\nX-Forwarded-Host: ")
            append(bytes, head.authority)
        }
        append("\r\nForwarded: ")
        if isTrusted { appendValues(of: .forwarded, head, from: bytes) }
        appendForwardedElement(head, from: bytes, forwarding: forwarding)
        append("\r\nX-Request-ID: ")
        append(forwarding.requestID)
        append("\r\n")
        if forwarding.addsVia {
            append(head.minorVersion == 1 ? "Via: 1.1 weir\r\n" : "Via: 1.0 weir\r\n")
        }
    }

    /// RFC 7239 §4: an address with colons is quoted and has brackets; a host may have a colon.
    @inline(__always)
    private mutating func appendForwardedElement(
        _ head: borrowing RequestHead, from bytes: Span<UInt8>,
        forwarding: borrowing RequestForwarding
    ) {
        append("for=")
        if forwarding.isIPv6 { append("\"[") }
        append(forwarding.clientAddress)
        if forwarding.isIPv6 { append("]\"") }
        if !head.authority.isEmpty {
            append(";host=\"")
            append(bytes, head.authority)
            append("\"")
        }
        append(";proto=http")
        if forwarding.scheme == .https { append("s") }
    }

    /// All values of a list field, each with the comma after it (RFC 9110 §5.3).
    private mutating func appendValues(
        of id: FieldName, _ head: borrowing RequestHead, from bytes: Span<UInt8>
    ) {
        let fields = head.fields.span
        for index in fields.indices {
            let field = fields[index]
            guard field.id == id, !field.value.isEmpty else { continue }
            append(bytes, field.value)
            append(", ")
        }
    }
}
