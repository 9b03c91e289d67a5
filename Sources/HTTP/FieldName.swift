/// Field names that weir acts on, recognised once while parsing; all others are `other`.
public enum FieldName: UInt8, Sendable, BitwiseCopyable {
    case other
    case host, connection, contentLength, transferEncoding, trailer, te, upgrade, expect
    case keepAlive, proxyConnection, proxyAuthenticate, proxyAuthorization, http2Settings
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, via, xRequestID
    case date, server, idempotencyKey, cookie, setCookie, contentType, userAgent, referer
    case traceparent, weirDrain
    /// Any other `X-Forwarded-…`, such as Port, Server or Prefix: believed from trusted clients only.
    case xForwardedOther
    case xRealIP, authorization
}

extension FieldName {
    /// Recognises the name at `start..<end`, whatever its case (RFC 9110 §5.1).
    @inline(__always)
    init(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) {
        self.init(FoldedName(bytes, start, end), count: end &- start)
    }

    init(_ name: FoldedName, count: Int) {
        switch count {
        case 2...9: self.init(short: name, count: count)
        case 10...13: self.init(middling: name, count: count)
        case 14...19: self.init(long: name, count: count)
        default: self = .other
        }
        if self == .other, name.hasPrefix("x-forwarded-", count: 12) { self = .xForwardedOther }
    }

    @inline(__always)
    private init(short name: FoldedName, count: Int) {
        switch (count, name) {
        case (2, "te"): self = .te
        case (3, "via"): self = .via
        case (4, "host"): self = .host
        case (4, "date"): self = .date
        case (6, "cookie"): self = .cookie
        case (6, "server"): self = .server
        case (6, "expect"): self = .expect
        case (7, "upgrade"): self = .upgrade
        case (7, "referer"): self = .referer
        case (7, "trailer"): self = .trailer
        case (9, "forwarded"): self = .forwarded
        case (9, "x-real-ip"): self = .xRealIP
        default: self = .other
        }
    }

    @inline(__always)
    private init(middling name: FoldedName, count: Int) {
        switch (count, name) {
        case (10, "connection"): self = .connection
        case (10, "user-agent"): self = .userAgent
        case (10, "set-cookie"): self = .setCookie
        case (10, "keep-alive"): self = .keepAlive
        case (10, "weir-drain"): self = .weirDrain
        case (11, "traceparent"): self = .traceparent
        case (12, "content-type"): self = .contentType
        case (12, "x-request-id"): self = .xRequestID
        case (13, "authorization"): self = .authorization
        default: self = .other
        }
    }

    @inline(__always)
    private init(long name: FoldedName, count: Int) {
        switch (count, name) {
        case (14, "content-length"): self = .contentLength
        case (14, "http2-settings"): self = .http2Settings
        case (15, "x-forwarded-for"): self = .xForwardedFor
        case (15, "idempotency-key"): self = .idempotencyKey
        case (16, "x-forwarded-host"): self = .xForwardedHost
        case (16, "proxy-connection"): self = .proxyConnection
        case (17, "transfer-encoding"): self = .transferEncoding
        case (17, "x-forwarded-proto"): self = .xForwardedProto
        case (18, "proxy-authenticate"): self = .proxyAuthenticate
        case (19, "proxy-authorization"): self = .proxyAuthorization
        default: self = .other
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
    mutating func insert(_ name: FieldName) { bits |= 1 &<< UInt64(name.rawValue) }

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
                .with(.xForwardedHost).with(.xForwardedOther).with(.xRealIP)
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
