internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// What a connection brings before its protocol is spoken: a PROXY header, which is taken, and a
/// ClientHello, which is looked at and left where it is. Both are peeked at until they are whole,
/// so that not a byte behind them is touched.
extension Worker {
    mutating func awaitGreeting(
        _ client: Ref<ClientConnection>, _ phase: ClientConnection.Phase
    ) {
        client.its.phase = phase
        let limit = snapshot.limits.headTimeoutMilliseconds
        wheel.set(client.its.timer, at: now.adding(milliseconds: limit))
    }

    /// From now on the client is the one that the header names.
    mutating func hearProxyHeader(_ client: Ref<ClientConnection>) {
        guard glance(at: client, atMost: ProxyHeader.bytesMaximum) else { return }
        do throws(ProxyHeaderError) {
            guard let header = try ProxyHeader.read(scratch.bytes) else {
                return endIfOver(client, "the connection ended within its PROXY header")
            }
            note(header, of: client)
            scratch.clear()
            _ = client.its.wire.descriptor.receive(into: &scratch, atMost: header.byteCount)
        } catch {
            return refuseGreeting(client, error.reason)
        }
        guard let listener = listener(of: client) else { return closeClient(client) }
        client.its.isTrusted = listener.trusted.contains(client.its.address)
        guard countConnection(client) else { return }
        client.its.phase = .idle
        welcome(client, listener.mode)
        guard client.its.isOpen else { return }
        // What came behind the header raised its event already.
        clientEvent(client, .readable)
    }

    private mutating func note(_ header: ProxyHeader, of client: Ref<ClientConnection>) {
        client.its.spokeTLSBefore = header.isSecure
        if !header.values.isEmpty {
            client.its.proxyValues = ProxyValues.passedOn(scratch.bytes, header)
        }
        guard let ends = header.addresses else { return }
        client.its.address = ends.client
        client.its.addressText = AddressText(high: ends.client.high, low: ends.client.low)
        client.its.destination = ends.server
    }

    private mutating func listener(of client: Ref<ClientConnection>) -> Listener? {
        snapshot.listeners.first { $0.row == client.its.listenerRow }
    }

    /// The connection goes where the name in its ClientHello says.
    mutating func hearHello(_ client: Ref<ClientConnection>) {
        guard let listener = listener(of: client), case .tls(let names) = listener.mode else {
            return closeClient(client)
        }
        guard glance(at: client, atMost: ClientHello.bytesMaximum) else { return }
        do throws(ClientHelloError) {
            guard let hello = try ClientHello.read(scratch.bytes, into: &assembly) else {
                return endIfOver(client, "the connection ended within its ClientHello")
            }
            guard let target = target(hello, names) else {
                return refuseName(client, hello)
            }
            wheel.cancel(client.its.timer)
            beginTunnel(client, to: target)
        } catch {
            refuseGreeting(client, error.reason)
        }
    }

    /// The message of `hello` is in `assembly`.
    private mutating func target(_ hello: ClientHello, _ names: ServerNames) -> Target? {
        guard let range = hello.serverName else { return names.fallback }
        return names.target(of: assembly.bytes.extracting(range))
    }

    /// For one that has been told before, and whose bytes are still where they were.
    mutating func target(of client: Ref<ClientConnection>, _ names: ServerNames) -> Target? {
        scratch.clear()
        let limit = ClientHello.bytesMaximum
        guard case .bytes = client.its.wire.descriptor.peek(into: &scratch, atMost: limit) else {
            return nil
        }
        do throws(ClientHelloError) {
            guard let hello = try ClientHello.read(scratch.bytes, into: &assembly) else {
                return nil
            }
            return target(hello, names)
        } catch {
            return nil
        }
    }

    /// - Returns: whether something has come, which is in `scratch` now.
    private mutating func glance(at client: Ref<ClientConnection>, atMost limit: Int) -> Bool {
        scratch.clear()
        switch client.its.wire.descriptor.peek(into: &scratch, atMost: limit) {
        case .bytes: return true
        case .wouldBlock: client.its.isReadable = false
        // One that says nothing at all, such as a probe, is no news.
        case .endOfStream, .failed: closeClient(client)
        }
        return false
    }

    /// Not whole yet: more may come, unless the client has sent its FIN.
    private mutating func endIfOver(_ client: Ref<ClientConnection>, _ details: String) {
        if client.its.hasHangup { refuseGreeting(client, details) }
    }

    mutating func greetingTimedOut(_ client: Ref<ClientConnection>) {
        let what = client.its.phase == .awaitingHello ? "ClientHello" : "PROXY header"
        refuseGreeting(client, "no whole \(what) in time")
    }

    /// Nothing that weir could say would be understood.
    private mutating func refuseGreeting(_ client: Ref<ClientConnection>, _ details: String) {
        counters.listeners.add(
            1, row: client.its.listenerRow, column: ListenerColumn.malformed.rawValue)
        logRefusal(
            client, status: 400, details: details,
            requestID: RequestID(high: random.next(), low: random.next()))
        closeClient(client)
    }

    /// The alert that RFC 6066 §3 has for a name that nobody here has, and the end.
    private mutating func refuseName(_ client: Ref<ClientConnection>, _ hello: ClientHello) {
        let alert: InlineArray<7, UInt8> = [21, 3, 3, 0, 2, 2, 112]
        _ = client.its.wire.descriptor.send(alert.span)
        client.its.mayStillSend = true
        let name = hello.serverName.map { range in
            String(decoding: range.map { assembly.bytes[$0] }, as: UTF8.self)
        }
        logRefusal(
            client, status: 421,
            details: name.map { "no server name '\($0)' here" } ?? "no server name, and no pool",
            requestID: RequestID(high: random.next(), low: random.next()))
        beginClosing(client)
    }
}

extension [AddressRange] {
    /// Whether the address lies within one of them.
    func contains(_ address: SocketAddress?) -> Bool {
        guard let address, !isEmpty else { return false }
        return contains { $0.contains(high: address.high, low: address.low) }
    }
}
