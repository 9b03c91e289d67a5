/// How a request is presented to the upstream.
public struct RequestForwarding: Sendable, BitwiseCopyable {
    /// What the client spoke.
    public enum Scheme: Sendable, BitwiseCopyable { case http, https }

    public var clientAddress: AddressText
    public var scheme: Scheme
    /// Our own id for the request; `requestID(of:from:)` says which one counts.
    public var requestID: RequestID
    /// Believe what the client says about those before it, and add to it; otherwise replace it.
    public var isTrusted = false
    /// Pass the upgrade on that the request asks for.
    public var keepsUpgrade = false
    /// The added lines tell of the client's certificate (RFC 9440), and nobody else does.
    public var showsCertificate = false
    /// Add a Via field (RFC 9110 §7.6.3).
    public var addsVia = false

    /// A client that is not trusted, and no upgrade; what differs is set afterwards.
    public init(clientAddress: AddressText, scheme: Scheme, requestID: RequestID) {
        self.clientAddress = clientAddress
        self.scheme = scheme
        self.requestID = requestID
    }

    /// The id that the upstream is told, and that log and response should have: that of a trusted
    /// client if it is sane, else our own.
    public func requestID(of head: borrowing RequestHead, from bytes: Span<UInt8>) -> RequestID {
        guard isTrusted else { return requestID }
        return RequestID(of: head, from: bytes) ?? requestID
    }

    /// The fields that do not go on as they are.
    @inline(__always)
    fileprivate func dropped(from head: borrowing RequestHead) -> FieldNameSet {
        var names = FieldNameSet.hopByHop.with(.xRequestID)
        if keepsUpgrade, head.wantsUpgrade { names.remove(.upgrade) }
        if head.isAbsolute { names.insert(.host) }
        if head.minorVersion == 0 { names.insert(.expect) }
        if showsCertificate { names.insert(.clientCert) }
        return isTrusted
            ? names.with(.xForwardedFor).with(.forwarded) : names.with(.forwarding)
    }
}

/// Writes a request head as the upstream gets it, at the front of `space`, and returns its bytes;
/// nil when it does not fit.
///
/// `bytes` is the span that the head was parsed from. HTTP/1.1, origin-form, one Host, the fields
/// in order and byte for byte, without what is meant for weir only, and then weir's own, the last of
/// them `lines`, which are whole field lines.
/// RFC 9110 §7.6, RFC 9112 §3.2, RFC 7239.
public func writeRequest(
    _ head: borrowing RequestHead, from bytes: Span<UInt8>, adding lines: Span<UInt8> = Span(),
    forwarding: borrowing RequestForwarding, into space: inout MutableSpan<UInt8>
) -> Int? {
    var writer = HeadWriter(&space)
    writer.appendRequestLine(head, from: bytes)
    writer.appendFields(
        head.fields.span, from: bytes, lines: head.fieldLines,
        except: forwarding.dropped(from: head),
        options: head.facts.connectionOptionCount)
    writer.appendConnection(head, keepsUpgrade: forwarding.keepsUpgrade)
    if head.framing == .chunked { writer.append("Transfer-Encoding: chunked\r\n") }
    writer.appendOrigin(head, from: bytes, forwarding: forwarding)
    writer.append(lines)
    writer.append("\r\n")
    return writer.written
}

extension HeadWriter {
    /// RFC 9112 §3.2.1; and Host, where the request has none that can go on (§3.2.2).
    @inline(__always)
    fileprivate mutating func appendRequestLine(
        _ head: borrowing RequestHead, from bytes: Span<UInt8>
    ) {
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
        append(forwarding.clientAddress.text.span)
        if !isTrusted || head.fields.span.first(.xForwardedProto) == nil {
            append(
                forwarding.scheme == .https
                    ? "\r\nX-Forwarded-Proto: https" : "\r\nX-Forwarded-Proto: http")
        }
        if !head.authority.isEmpty, !isTrusted || head.fields.span.first(.xForwardedHost) == nil {
            append("\r\nX-Forwarded-Host: ")
            append(bytes, head.authority)
        }
        append("\r\nForwarded: ")
        if isTrusted { appendValues(of: .forwarded, head, from: bytes) }
        appendForwardedElement(head, from: bytes, forwarding: forwarding)
        append("\r\nX-Request-ID: ")
        append(forwarding.requestID(of: head, from: bytes).text.span)
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
        let isIPv6 = forwarding.clientAddress.isIPv6
        append(isIPv6 ? "for=\"[" : "for=")
        append(forwarding.clientAddress.text.span)
        if isIPv6 { append("]\"") }
        if !head.authority.isEmpty {
            append(";host=\"")
            append(bytes, head.authority)
            append("\"")
        }
        append(forwarding.scheme == .https ? ";proto=https" : ";proto=http")
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
