public import Balancing

/// How many requests each client may make by a route.
public struct RateLimitConfiguration: Equatable, Sendable {
    /// So many in `perMilliseconds`; zero until it is read, since it must be given.
    public var requests = 0
    public var perMilliseconds = 1_000
    /// So many at once by who has not asked for long; nil is `requests`.
    public var burst: Int?
    public var key = RequestKey.clientAddress

    static let section = Section<RateLimitConfiguration>(
        "routes[].rate_limit",
        [
            Key("requests", \.requests, .count(1...1_000_000)),
            Key("per", \.perMilliseconds, .time(1...86_400_000)),
            Key("burst", \.burst, ValueKind.count(1...1_000_000).map(Optional.some)),
            Key("by", \.key, .client),
        ])

    /// What the data plane goes by.
    var limit: RateLimit {
        RateLimit(
            requests: requests, nanoseconds: Int64(perMilliseconds) * 1_000_000,
            burst: burst ?? requests, key: key)
    }
}

extension ValueKind<RateLimitConfiguration?> {
    static var rateLimit: ValueKind {
        let accepted = "off, or a mapping such as { requests: 10, per: 1s }"
        return ValueKind(accepted: accepted) { node, reading in
            if ["off", "false"].contains(node.text) { return .some(nil) }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            var limit = RateLimitConfiguration()
            RateLimitConfiguration.section.read(node, into: &limit, &reading)
            if node.entry("requests") == nil {
                reading.report(node.mark, "this rate limit has no 'requests'")
            }
            return limit
        }
    }
}

extension RequestKeyDraft {
    static let client = section("routes[].rate_limit.by")
}

extension ValueKind<RequestKey> {
    /// What makes requests those of one client.
    fileprivate static var client: ValueKind {
        let accepted = "address, { header: NAME } or { cookie: NAME }"
        return ValueKind(accepted: accepted) { node, reading in
            if node.text == "address" { return .clientAddress }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            return ValueKind.requestKey(RequestKeyDraft.client).read(node, &reading)
        }
    }
}
