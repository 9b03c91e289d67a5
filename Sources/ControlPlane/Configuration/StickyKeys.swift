internal import Balancing

/// What `sticky` says, before it is known which kind it is.
struct StickyDraft: Sendable {
    var cookie = CookieConfiguration()
    var hash: RequestKey?
}

extension StickyConfiguration {
    static let section = Section<StickyDraft>(
        "splits.NAME.sticky",
        exclusive: [("cookie", "hash"), ("max_age", "hash"), ("key_file", "hash")],
        [
            Key("cookie", \.cookie.name, .cookieName),
            Key("max_age", \.cookie.maxAgeMilliseconds, .maxAge),
            Key("key_file", \.cookie.keyFile, .filePath),
            Key("hash", \.hash, .requestKey(RequestKeyDraft.stickyHash)),
        ])
}

extension ValueKind<StickyConfiguration> {
    static var sticky: ValueKind {
        let accepted = "cookie, off, or a mapping such as { hash: { header: NAME } }"
        return ValueKind(accepted: accepted) { node, reading in
            if ["off", "false"].contains(node.text) { return .off }
            if node.text == "cookie" { return .cookie(CookieConfiguration()) }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var draft = StickyDraft()
            StickyConfiguration.section.read(node, into: &draft, &reading)
            guard node.entry("hash") != nil else { return .cookie(draft.cookie) }
            return draft.hash.map(StickyConfiguration.hash)
        }
    }
}

extension CookieConfiguration {
    static let section = Section<CookieConfiguration>(
        "pools.NAME.sticky",
        [
            Key("cookie", \.name, .cookieName),
            Key("max_age", \.maxAgeMilliseconds, .maxAge),
            Key("key_file", \.keyFile, .filePath),
        ])
}

extension ValueKind<CookieConfiguration?> {
    static var stickyCookie: ValueKind {
        let accepted = "cookie, off, or a mapping such as { cookie: NAME }"
        return ValueKind(accepted: accepted) { node, reading in
            if ["off", "false"].contains(node.text) { return .some(nil) }
            if node.text == "cookie" { return CookieConfiguration() }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var cookie = CookieConfiguration()
            CookieConfiguration.section.read(node, into: &cookie, &reading)
            return cookie
        }
    }
}

/// What of a request counts: `{ header: NAME }` or `{ cookie: NAME }`.
struct RequestKeyDraft: Sendable {
    var key: RequestKey?

    static let stickyHash = section("splits.NAME.sticky.hash")

    static func section(_ path: String) -> Section<RequestKeyDraft> {
        Section(
            path, exclusive: [("header", "cookie")],
            [
                Key("header", \.key, ValueKind.fieldName.map(RequestKey.header)),
                Key("cookie", \.key, ValueKind.cookieName.map(RequestKey.cookie)),
            ])
    }
}

extension ValueKind<RequestKey> {
    /// A mapping with the keys of `section`.
    static func requestKey(_ section: Section<RequestKeyDraft>) -> ValueKind {
        let accepted = "{ header: NAME } or { cookie: NAME }"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var draft = RequestKeyDraft()
            section.read(node, into: &draft, &reading)
            return draft.key
        }
    }
}

/// One entry under `pin`.
struct PinDraft: Sendable {
    var key: RequestKey?
    var pool: String?

    static let section = Section<PinDraft>(
        "splits.NAME.pin[]", exclusive: [("header", "cookie")],
        [
            Key("header", \.key, ValueKind.fieldName.map(RequestKey.header)),
            Key("cookie", \.key, ValueKind.cookieName.map(RequestKey.cookie)),
            Key("pool", \.pool, ValueKind.name(of: "pool", \.pools)),
        ])
}

extension ValueKind<PinConfiguration> {
    static var pin: ValueKind {
        let accepted = "a mapping such as { header: NAME, pool: POOL }"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping = node.content else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var draft = PinDraft()
            PinDraft.section.read(node, into: &draft, &reading)
            if node.entry("header") == nil, node.entry("cookie") == nil {
                reading.report(node.mark, "this pin has neither 'header' nor 'cookie'")
            }
            if node.entry("pool") == nil {
                reading.report(node.mark, "this pin has no 'pool', which must be one of the split")
            }
            guard let key = draft.key, let pool = draft.pool else { return nil }
            return PinConfiguration(key: key, pool: pool)
        }
    }
}

extension ValueKind<Int> {
    /// Milliseconds. Browsers keep no cookie for longer than 400 days.
    fileprivate static var maxAge: ValueKind {
        ValueKind(scalar: "a time from 1s to 400d, such as 1h or 30d") { text throws(Refusal) in
            try Quantity.longTime.parse(text, in: 1_000...34_560_000_000)
        }
    }
}

extension ValueKind<String> {
    /// RFC 6265 §4.1.1, and short enough for a line of weir's.
    fileprivate static var cookieName: ValueKind {
        ValueKind(scalar: "the name of a cookie: up to 64 letters, digits and !#$%&'*+-.^_`|~") {
            text throws(Refusal) in
            guard text.isToken, text.utf8.count <= 64 else { throw Refusal() }
            return text
        }
    }

    fileprivate static var fieldName: ValueKind {
        ValueKind(scalar: "the name of a header field") { text throws(Refusal) in
            guard text.isToken else { throw Refusal() }
            return text.lowercased()
        }
    }

    static var filePath: ValueKind {
        ValueKind(scalar: "the path of a file, such as /run/secrets/weir") {
            text throws(Refusal) in
            guard text.contains("/"), !text.hasSuffix("/"),
                !text.unicodeScalars.contains(where: \.isControl)
            else { throw Refusal() }
            return text
        }
    }
}
