internal import Balancing
internal import Transport

/// Replicas that are told who the client is, by a PROXY header before the first byte of each
/// connection. Such a connection serves the requests of that client only.
extension Worker {
    /// Tells the replica, if its pool wants that.
    ///
    /// - Returns: whether the connection is as good as before.
    mutating func announceClient(
        of exchange: Ref<Exchange>, to upstream: Ref<UpstreamConnection>
    ) -> Bool {
        let version = upstream.its.replica.its.pool.its.pool.settings.proxyProtocol
        guard version != .off else { return true }
        let client = exchange.its.client.connection
        if client.its.serial == 0 {
            lastClientSerial += 1
            client.its.serial = lastClientSerial
        }
        upstream.its.clientSerial = client.its.serial
        assembly.clear()
        ProxyWriter.append(
            version == .v1 ? .text : .binary, ends(of: client),
            values: version == .v1 ? [] : values(of: client), to: &assembly)
        // The socket is new: whatever has no room in it has no future.
        let count = assembly.count
        return upstream.its.wire.descriptor.send(assembly.bytes) == .bytes(count)
    }

    /// What is known of the TLS that the client speaks with weir, else what a proxy before weir has
    /// said of it.
    private mutating func values(of client: Ref<ClientConnection>) -> [UInt8] {
        let wire = client.its.wire
        guard wire.isTLS else { return client.its.proxyValues }
        let tls = ProxyTLS(
            version: "TLSv1.\(wire.minorVersion ?? 3)",
            certificate: !client.its.hasCertificate
                ? .none : wire.isResumed ? .inSession : .onThisConnection)
        // Whatever the client agreed on with weir, the replica gets HTTP/1.1 behind this header.
        return ProxyValues.describing(
            spoken: wire.hasAgreedOnProtocol ? "http/1.1" : "",
            authority: wire.nameAskedFor ?? "", tls: tls)
            + ProxyValues.connectionID(in: client.its.proxyValues)
    }

    /// Nil for a client without an address, as of a Unix socket.
    private mutating func ends(of client: Ref<ClientConnection>) -> ProxyHeader.Addresses? {
        guard let address = client.its.address,
            let destination = client.its.destination
                ?? Socket.localAddress(of: client.its.wire.descriptor)
        else { return nil }
        return ProxyHeader.Addresses(client: address, server: destination)
    }

    /// The unused connection to be tried next: the latest used one, of those that may serve the
    /// client.
    mutating func nextIdle(
        of replica: Ref<UpstreamReplica>, for client: Ref<ClientConnection>
    ) -> Ref<UpstreamConnection>? {
        guard replica.its.pool.its.pool.settings.proxyProtocol != .off else {
            return replica.its.firstIdle
        }
        let serial = client.connection.its.serial
        guard serial != 0 else { return nil }
        var next = replica.its.firstIdle
        while let upstream = next, upstream.its.clientSerial != serial {
            next = upstream.its.nextIdle
        }
        return next
    }
}

extension Ref where Slot == ClientConnection {
    /// That which has the socket: of a stream its carrier.
    fileprivate var connection: Ref<ClientConnection> { its.http2.carrier ?? self }
}
