internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// Connections of clients that have many.
extension Worker {
    /// Counts the connection for its client, or closes it if that has as many as it may.
    ///
    /// Clients that are believed whom they speak for speak for many, and are not counted.
    mutating func countConnection(_ client: Ref<ClientConnection>) -> Bool {
        let maximum = snapshot.limits.connectionsPerClientMaximum
        guard maximum > 0, !client.its.isTrusted, let address = client.its.address else {
            return true
        }
        let key = ConnectionKey.hash(
            address, listener: client.its.listenerRow, key: links.clientKey)
        switch links.clients.enter(client: key, maximum: maximum) {
        case .counted: client.its.countedAs = key
        case .uncounted: break
        case .refused:
            counters.listeners.add(
                1, row: client.its.listenerRow, column: ListenerColumn.clientsRefused.rawValue)
            turnAway(client, .clientConnections)
            return false
        }
        return true
    }

    /// Closes a connection that was just accepted. Where an answer would be understood it is given
    /// one, but not the time to read it: that it would take from others.
    private mutating func turnAway(_ client: Ref<ClientConnection>, _ reason: FailureReason) {
        if let listener = snapshot.listeners.first(where: { $0.row == client.its.listenerRow }),
            case .http = listener.mode, listener.tls == nil
        {
            scratch.clear()
            // Closing with the request unread would send a reset, which can overtake the answer.
            _ = client.its.wire.receive(into: &scratch)
            sayWhy(reason, to: client)
        } else {
            logRefusal(
                client, status: reason.status, details: reason.word.description,
                requestID: RequestID(high: random.next(), low: random.next()))
        }
        closeClient(client)
    }
}

/// Whose connection it is, and where.
enum ConnectionKey {
    /// Never zero. As for rate limits, the first 64 bits of IPv6 are one client.
    static func hash(_ address: SocketAddress, listener row: Int, key: SigningKey) -> UInt64 {
        let isIPv4 = address.high == 0 && address.low >> 32 == 0xffff
        // An address of IPv4 takes 32 bits of the low word, so that the listener has room there.
        let low = (isIPv4 ? address.low << 16 : 0) | UInt64(row)
        return max(1, SipHash.hash(address.high, low, key: key))
    }
}
