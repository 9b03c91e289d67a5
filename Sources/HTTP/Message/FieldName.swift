/// Field names that weir acts on, recognised once while parsing; all others are `other`.
public enum FieldName: UInt8, Sendable, BitwiseCopyable {
    case other
    case host, connection, contentLength, transferEncoding, te, upgrade, keepAlive, expect
    case trailer, proxyConnection, proxyAuthenticate, proxyAuthorization, http2Settings
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, via, xRequestID
    case date, server, idempotencyKey, cookie, setCookie, contentType, userAgent, referer
    case traceparent, tracestate, weirDrain
    /// Any other `X-Forwarded-…`, such as Port or Prefix, and all of them with underscores, which
    /// gateways such as WSGI take for the same: believed from trusted clients only.
    case xForwardedOther
    case xRealIP, authorization
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440), with underscores too.
    case clientCert
}

extension FieldName {
    /// One of the few that say something about body and connection: the first of the list.
    @inline(__always)
    var concernsFraming: Bool { rawValue &- 1 < FieldName.expect.rawValue }

    /// Recognises the name at `start..<end`, which is not empty, whatever its case (RFC 9110 §5.1).
    @inline(__always)
    init(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) {
        let initial = Unicode.Scalar(bytes[start] | 0x20)
        self.init(count: end &- start, initial: initial, name: FoldedName(bytes, start, end))
    }

    /// No two names share count and initial, so one comparison is enough.
    @inline(__always)
    init(count: Int, initial: Unicode.Scalar, name: @autoclosure () -> FoldedName) {
        if let (id, known) = FieldName.candidate(count: count, initial: initial) {
            self = id
            if name() == known { return }
        }
        if initial == "c", count == 11 || count == 17, name().isClientCert {
            self = .clientCert
            return
        }
        let isForwarding = initial == "x" && count > 11 && name().beginsLikeForwarded
        self = isForwarding ? .xForwardedOther : .other
    }

    @inline(__always)
    private static func candidate(
        count: Int, initial: Unicode.Scalar
    ) -> (FieldName, FoldedName)? {
        switch (count, initial) {
        case (2, "t"): (.te, "te")
        case (3, "v"): (.via, "via")
        case (4, "d"): (.date, "date")
        case (4, "h"): (.host, "host")
        case (6, "c"): (.cookie, "cookie")
        case (6, "e"): (.expect, "expect")
        case (6, "s"): (.server, "server")
        case (7, "r"): (.referer, "referer")
        case (7, "t"): (.trailer, "trailer")
        case (7, "u"): (.upgrade, "upgrade")
        case (9, "f"): (.forwarded, "forwarded")
        case (9, "x"): (.xRealIP, "x-real-ip")
        case (10, "c"): (.connection, "connection")
        case (10, "k"): (.keepAlive, "keep-alive")
        case (10, "s"): (.setCookie, "set-cookie")
        case (10, "t"): (.tracestate, "tracestate")
        case (10, "u"): (.userAgent, "user-agent")
        case (10, "w"): (.weirDrain, "weir-drain")
        case (11, "t"): (.traceparent, "traceparent")
        case (12, "c"): (.contentType, "content-type")
        case (12, "x"): (.xRequestID, "x-request-id")
        case (13, "a"): (.authorization, "authorization")
        case (14, "c"): (.contentLength, "content-length")
        case (14, "h"): (.http2Settings, "http2-settings")
        case (15, "i"): (.idempotencyKey, "idempotency-key")
        case (15, "x"): (.xForwardedFor, "x-forwarded-for")
        case (16, "p"): (.proxyConnection, "proxy-connection")
        case (16, "x"): (.xForwardedHost, "x-forwarded-host")
        case (17, "t"): (.transferEncoding, "transfer-encoding")
        case (17, "x"): (.xForwardedProto, "x-forwarded-proto")
        case (18, "p"): (.proxyAuthenticate, "proxy-authenticate")
        case (19, "p"): (.proxyAuthorization, "proxy-authorization")
        default: nil
        }
    }
}

/// A set of field names, one bit for each.
struct FieldNameSet: BitwiseCopyable {
    private var bits: UInt64 = 0

    init() {}

    @inline(__always)
    func contains(_ name: FieldName) -> Bool { bits &>> UInt64(name.rawValue) & 1 != 0 }

    @inline(__always)
    func intersects(_ other: FieldNameSet) -> Bool { bits & other.bits != 0 }

    @inline(__always)
    mutating func insert(_ name: FieldName) { bits |= 1 &<< UInt64(name.rawValue) }

    @inline(__always)
    mutating func remove(_ name: FieldName) { bits &= ~(1 &<< UInt64(name.rawValue)) }

    @inline(__always)
    func with(_ name: FieldName) -> FieldNameSet {
        var result = self
        result.insert(name)
        return result
    }

    @inline(__always)
    func with(_ other: FieldNameSet) -> FieldNameSet {
        var result = self
        result.bits |= other.bits
        return result
    }

    /// Meant for the next hop only (RFC 9110 §7.6.1), whatever Connection says.
    static var hopByHop: FieldNameSet {
        @inline(__always) get {
            FieldNameSet()
                .with(.connection).with(.keepAlive).with(.proxyConnection).with(.te)
                .with(.upgrade).with(.transferEncoding).with(.http2Settings)
                .with(.proxyAuthenticate).with(.proxyAuthorization)
        }
    }

    /// Say where a request came from; believed from trusted clients only.
    static var forwarding: FieldNameSet {
        @inline(__always) get {
            FieldNameSet()
                .with(.forwarded).with(.xForwardedFor).with(.xForwardedProto)
                .with(.xForwardedHost).with(.xForwardedOther).with(.xRealIP).with(.clientCert)
        }
    }

    /// Must not stand in a trailer section: framing, routing and what is hop-by-hop or forwarding
    /// (RFC 9110 §6.5.1).
    static var forbiddenInTrailers: FieldNameSet {
        @inline(__always) get {
            hopByHop.with(forwarding)
                .with(.host).with(.contentLength).with(.trailer).with(.expect)
                .with(.via).with(.xRequestID).with(.authorization).with(.cookie)
                .with(.setCookie).with(.contentType)
        }
    }
}
