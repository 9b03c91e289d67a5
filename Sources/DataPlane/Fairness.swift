internal import Transport

/// Turns: one connection that always has more to move must not keep the others waiting.
///
/// Each loop that moves bytes ends after `DataPlaneLimits.turnBytesMaximum`, although the poller
/// will not report again what is still there. Such a connection goes on in the next turn of the
/// loop; what the poller reports about it until then changes nothing.
extension Worker {
    /// The connection has had its turn and is still readable.
    mutating func goOnLater(_ client: Ref<ClientConnection>) {
        guard !client.its.goesOnLater else { return }
        client.its.goesOnLater = true
        unfinished.append(.client(client))
    }

    mutating func goOnLater(_ upstream: Ref<UpstreamConnection>) {
        guard !upstream.its.goesOnLater else { return }
        upstream.its.goesOnLater = true
        unfinished.append(.upstream(upstream))
    }

    /// Gives each of those a turn; who is not finished by then comes behind all others.
    mutating func serveUnfinished() {
        let count = unfinished.count
        for position in 0..<count {
            switch unfinished[position] {
            case .client(let client): goOn(client)
            case .upstream(let upstream): goOn(upstream)
            case .mailbox, .listener, .exchange: break
            }
        }
        unfinished.removeFirst(count)
    }

    /// Its slot may be another connection's by now, which has a mark of its own.
    private mutating func goOn(_ client: Ref<ClientConnection>) {
        guard client.its.isOpen, client.its.goesOnLater else { return }
        client.its.goesOnLater = false
        switch client.its.phase {
        case .idle, .readingHead: serveRequests(client)
        case .exchanging:
            if let exchange = client.its.exchange { receiveRequestBody(exchange) }
        case .tunnelling: relayFromClient(client)
        case .multiplexing: receiveSession(client)
        case .closing, .lingering, .awaitingProxyHeader, .awaitingHello, .handshaking: break
        }
    }

    private mutating func goOn(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.its.isOpen, upstream.its.goesOnLater else { return }
        upstream.its.goesOnLater = false
        switch upstream.its.phase {
        case .busy: receiveResponse(upstream)
        case .tunnelling: relayFromUpstream(upstream)
        case .multiplexing: receiveSession(upstream)
        case .connecting, .handshaking, .idle: break
        }
    }
}
