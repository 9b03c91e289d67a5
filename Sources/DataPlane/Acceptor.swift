internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// From a ready listening socket to client connections.
extension Worker {
    mutating func watch(_ socket: ListeningSocket) {
        do {
            try poller.add(
                socket.descriptor, .readable, token: Token.listener(row: socket.row).bits)
        } catch {
            preconditionFailure("a listening socket cannot be watched: \(error)")
        }
    }

    /// A worker has one socket of a listener; after an upgrade to fewer workers some have more.
    mutating func acceptReady(listenerRow: Int) {
        for position in listening.indices where listening[position].row == listenerRow {
            accept(at: position)
        }
    }

    private mutating func accept(at position: Int) {
        let listenerRow = listening[position].row
        guard let listener = snapshot.listeners.first(where: { $0.row == listenerRow })
        else { return }
        let mode = listener.mode
        let trusted = listener.trusted
        let proxies = listener.proxies
        for _ in 0..<DataPlaneLimits.acceptsPerTurnMaximum {
            let open = clients.openCount - clientStreamCount
            guard open < snapshot.limits.clientConnectionsPerWorkerMaximum else {
                pauseAccepting(at: position)
                return
            }
            do {
                guard
                    let (descriptor, address) = try Socket.accept(
                        from: listening[position].descriptor)
                else { return }
                let client = admit(descriptor, address, listenerRow: listenerRow)
                client.its.redirectPort = listener.redirectPort
                client.its.hstsSeconds = listener.hstsSeconds
                client.its.isTrusted = trusted.contains(address)
                let isProxy = proxies.contains(address)
                guard isProxy || countConnection(client), watch(client) else { continue }
                if isProxy {
                    awaitGreeting(client, .awaitingProxyHeader)
                } else {
                    welcome(client, mode)
                }
            } catch {
                if giveUpIdle(atMost: DataPlaneLimits.idleGivenUpAtOnce) > 0 { continue }
                pauseAccepting(at: position)
                return
            }
        }
    }

    private mutating func admit(
        _ descriptor: Descriptor, _ address: SocketAddress?, listenerRow: Int
    ) -> Ref<ClientConnection> {
        let client = clients.make()
        client.its = ClientConnection(
            isOpen: true, wire: Wire(plain: descriptor), listenerRow: listenerRow)
        client.its.address = address
        client.its.timer = wheel.make(owner: Token.client(client).bits)
        if let address {
            client.its.addressText = AddressText(high: address.high, low: address.low)
        }
        counters.listeners.add(1, row: listenerRow, column: ListenerColumn.accepted.rawValue)
        counters.listeners.add(1, row: listenerRow, column: ListenerColumn.open.rawValue)
        return client
    }

    private mutating func watch(_ client: Ref<ClientConnection>) -> Bool {
        do {
            try poller.add(
                client.its.wire.descriptor, .connection, token: Token.client(client).bits)
            return true
        } catch {
            closeClient(client)
            return false
        }
    }

    /// Its own bytes begin: with TLS, or those of its protocol.
    mutating func welcome(_ client: Ref<ClientConnection>, _ mode: Listener.Mode) {
        let row = client.its.listenerRow
        if let context = listening.first(where: { $0.row == row })?.tls {
            beginHandshake(client, by: context)
        } else {
            greet(client, mode)
        }
    }

    /// From here on its bytes are those of its protocol.
    mutating func greet(_ client: Ref<ClientConnection>, _ mode: Listener.Mode) {
        switch mode {
        case .http: setHeadTimeout(client)
        case .tcp(let target): beginTunnel(client, to: target)
        case .tls: awaitGreeting(client, .awaitingHello)
        }
    }

    mutating func setHeadTimeout(_ client: Ref<ClientConnection>) {
        let limit = snapshot.limits.headTimeoutMilliseconds
        wheel.set(client.its.timer, at: now.adding(milliseconds: limit))
    }

    /// Descriptors or slots have run out: rest a little, so that what is there can finish.
    private mutating func pauseAccepting(at position: Int) {
        guard !listening[position].isPaused else { return }
        let socket = listening[position]
        listening[position].isPaused = true
        poller.remove(socket.descriptor)
        counters.listeners.add(1, row: socket.row, column: ListenerColumn.refused.rawValue)
        let timer = wheel.make(owner: Token.listener(row: socket.row).bits)
        wheel.set(timer, at: now.adding(milliseconds: DataPlaneLimits.acceptPauseMilliseconds))
        pauseTimers.append(timer)
    }

    mutating func resumeAccepting() {
        for timer in pauseTimers { wheel.free(timer) }
        pauseTimers.removeAll()
        for position in listening.indices where listening[position].isPaused {
            listening[position].isPaused = false
            watch(listening[position])
        }
    }
}
