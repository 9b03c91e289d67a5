internal import Balancing
internal import HTTP
internal import Transport

/// Requests of clients that make too many of them.
extension Worker {
    /// Whether the route admits one more request of this client now. The head was just parsed from
    /// `received`; where it does not, `retryAfterSeconds` says when it will.
    mutating func isWithinRate(_ exchange: Ref<Exchange>, _ received: Buffer) -> Bool {
        guard limitedRoute >= 0, let limit = snapshot.routes.routes[limitedRoute].rateLimit else {
            return true
        }
        let client = exchange.its.client
        let hash: UInt64?
        switch limit.key {
        case .clientAddress: hash = origin(of: client, received).map(RateKey.hash)
        default: hash = self.hash(of: limit.key, received, from: client)
        }
        let key = RateKey.hash(of: hash ?? 0, route: exchange.its.routeRow)
        let verdict = links.rates.admit(client: key, limit, now: Int64(now.nanoseconds))
        guard case .refused(let nanoseconds) = verdict else { return true }
        retryAfterSeconds = Int((nanoseconds + 999_999_999) / 1_000_000_000)
        return false
    }
}

/// Whose allowance it is.
enum RateKey {
    /// A client of IPv6 has a network of its own, and as many addresses as it likes: its first 64
    /// bits count (RFC 6177 §2).
    static func hash(_ address: SocketAddress) -> UInt64 {
        let isIPv4 = address.high == 0 && address.low >> 32 == 0xffff
        return SipHash.hash(address.high, isIPv4 ? address.low : 0, key: .none)
    }

    /// Each route counts for itself.
    static func hash(of client: UInt64, route: Int) -> UInt64 {
        SipHash.hash(client, UInt64(route), key: .none)
    }
}
