internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// From an exchange to a connection of a replica: pick, lease or connect, wait if there is none.
extension Worker {
    /// Gives the exchange to a replica, or lets it wait for one.
    ///
    /// What fails at once is tried again in this loop, however many replicas refuse.
    mutating func dispatch(_ exchange: Ref<Exchange>) {
        exchange.its.dispatchesAgain = true
        guard !exchange.its.isDispatching else { return }
        exchange.its.isDispatching = true
        while exchange.its.isOpen, exchange.its.dispatchesAgain {
            exchange.its.dispatchesAgain = false
            dispatchOnce(exchange)
        }
        exchange.its.isDispatching = false
    }

    private mutating func dispatchOnce(_ exchange: Ref<Exchange>) {
        guard let pool = exchange.its.pool else { return fail(exchange, .noRoute) }
        guard !pool.its.isGone else { return fail(exchange, .noReadyReplica) }
        endAvoidance(in: pool)
        let source = source(for: pool)
        if source.its.isGuarded, source == pool, !mayTry(exchange, pool) { return }
        guard !pool.its.pool.isPaused, pool.its.queue.isTurn(of: exchange),
            let position = choose(in: source, for: exchange)
        else { return hold(exchange, in: pool) }
        if source != pool { noteBackup(exchange, source) }
        attempt(exchange, on: source.its.replicas[position])
    }

    /// The replica that the client's cookie means, or else whom the policy picks; nil if none may
    /// be used, or has room.
    private mutating func choose(
        in source: Ref<UpstreamPool>, for exchange: Ref<Exchange>
    ) -> Int? {
        let choice =
            stickyPosition(exchange, in: source)
            ?? source.its.picker.pick(
                board: links.board, tried: exchange.its.tried, hash: exchange.its.hash,
                now: now.nanoseconds)
        guard source.its.inFlightMaximum > 0, let choice else { return choice }
        return withRoom(choice, in: source)
    }

    private mutating func attempt(_ exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>) {
        exchange.its.tried.insert(replica.its.row)
        exchange.beginAttempt(on: replica, at: now)
        if exchange.its.spanID != 0 { tellParent(exchange) }
        exchange.its.requestSent = 0
        exchange.its.attemptBegan = now
        exchange.its.replica = replica
        replica.its.inFlight += 1
        links.board.begin(replicaRow: replica.its.row, worker: index)
        if exchange.its.kind == .http, goesByStream(exchange, to: replica) {
            return attemptStream(exchange, on: replica)
        }
        if exchange.its.kind == .http, !exchange.its.hasRetriedAfterSending,
            let upstream = leaseIdle(of: replica, for: exchange)
        {
            exchange.its.isOnReusedConnection = true
            exchange.its.connectedCount += 1
            exchange.noteReused()
            bind(exchange, to: upstream)
            sendRequest(exchange)
            return
        }
        exchange.its.isOnReusedConnection = false
        exchange.its.stage = .connecting
        connect(exchange, to: replica)
    }

    mutating func bind(_ exchange: Ref<Exchange>, to upstream: Ref<UpstreamConnection>) {
        exchange.its.upstream = upstream
        upstream.its.exchange = exchange
        upstream.its.phase = .busy
    }

    /// The connection used last. What is not idempotent, or has a body still coming that may not be
    /// kept, goes only onto one that was used a moment ago and is seen to be open: there would be
    /// no second try.
    private mutating func leaseIdle(
        of replica: Ref<UpstreamReplica>, for exchange: Ref<Exchange>
    ) -> Ref<UpstreamConnection>? {
        while let upstream = nextIdle(of: replica, for: exchange.its.client) {
            if !exchange.its.isIdempotent || !exchange.its.requestBody.isComplete {
                let freshness = replica.its.pool.its.pool.settings.freshnessMilliseconds
                guard now.milliseconds(since: upstream.its.idleSince) < freshness else {
                    return nil
                }
                if upstream.its.wire.peek() != .wouldBlock {
                    closeUpstream(upstream)
                    continue
                }
            }
            unlinkIdle(upstream)
            return upstream
        }
        return nil
    }

    mutating func connect(_ exchange: Ref<Exchange>, to replica: Ref<UpstreamReplica>) {
        counters.replicas.add(1, row: replica.its.row, column: ReplicaColumn.connects.rawValue)
        let descriptor: Descriptor
        do {
            descriptor = try openUpstream(to: replica.its.address)
        } catch {
            return connectFailed(exchange, replica, code: error.code)
        }
        let upstream = upstreams.make()
        upstream.its = UpstreamConnection(
            isOpen: true, wire: Wire(plain: descriptor), replica: replica)
        upstream.its.terms = replica.its.terms
        upstream.its.timer = wheel.make(owner: Token.upstream(upstream).bits)
        link(upstream, to: replica)
        if exchange.its.kind == .http, goesByStream(exchange, to: replica) {
            upstream.its.http2.isCarrier = true
            let stream = makeStream(on: upstream)
            bind(exchange, to: stream)
            stream.its.phase = .connecting
        } else {
            bind(exchange, to: upstream)
        }
        upstream.its.phase = .connecting
        let limit = replica.its.pool.its.pool.settings.connectTimeoutMilliseconds
        wheel.set(upstream.its.timer, at: now.adding(milliseconds: limit))
        do {
            try poller.add(descriptor, .connection, token: Token.upstream(upstream).bits)
        } catch {
            connectFailed(exchange, replica, code: error.code)
        }
    }

    /// The poller says that the connect has ended, one way or the other.
    mutating func connectEnded(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.isOnPresentTerms else { return connectAgain(upstream) }
        guard !upstream.its.http2.isCarrier else { return carrierConnectEnded(upstream) }
        guard let exchange = upstream.its.exchange else { return closeUpstream(upstream) }
        let code = upstream.its.wire.descriptor.pendingError()
        guard code == 0 else { return connectFailed(exchange, upstream.its.replica, code: code) }
        guard announceClient(of: exchange, to: upstream) else { return upstreamBroken(upstream) }
        if upstream.its.replica.its.pool.its.tls != nil {
            beginHandshake(upstream)
        } else {
            beginWork(exchange, on: upstream)
        }
    }

    /// The connection is there, with all that comes before its first byte.
    mutating func beginWork(_ exchange: Ref<Exchange>, on upstream: Ref<UpstreamConnection>) {
        wheel.cancel(upstream.its.timer)
        exchange.its.connectedCount += 1
        exchange.noteConnected(at: now)
        if exchange.its.kind == .tunnel {
            openTunnel(exchange)
        } else {
            upstream.its.phase = .busy
            upstream.its.hasUserTimeout = true
            Socket.setUserTimeout(
                upstream.its.wire.descriptor, milliseconds: DataPlaneLimits.userTimeoutMilliseconds)
            sendRequest(exchange)
        }
    }

    mutating func connectFailed(
        _ exchange: Ref<Exchange>, _ replica: Ref<UpstreamReplica>, code: Int32
    ) {
        counters.replicas.add(
            1, row: replica.its.row, column: ReplicaColumn.connectFailures.rawValue)
        let reason = ConnectError.reason(of: code)
        let kind: Observation.Kind = reason == .connectRefused ? .connectRefused : .connectFailed
        if !SystemError.isShortage(code) { observe(kind, replica, code: code) }
        avoid(replica)
        fail(exchange, reason)
    }

    /// Tells the control plane. Rare, so the system call does not matter.
    mutating func observe(
        _ kind: Observation.Kind, _ replica: Ref<UpstreamReplica>, code: Int32 = 0
    ) {
        guard !replica.its.isGone else { return }
        let row = replica.its.pool.its.pool.row
        links.observations.push(
            Observation(kind: kind, poolRow: row, replicaRow: replica.its.row, code: code))
        links.wakeup.signal()
    }
}

/// What an errno of `connect` means for a request.
enum ConnectError {
    static let noMemory: Int32 = 12
    /// The errno of a connect for which there is no descriptor.
    static let tooManyOpen: Int32 = 24
    /// The errno that a connect is given up with when its time is over.
    static let timedOut: Int32 = 110

    static func reason(of code: Int32) -> FailureReason {
        switch code {
        // ECONNREFUSED, and ECONNRESET: the listener closed while the connection was in its queue.
        case 111, 104: .connectRefused
        case timedOut: .connectTimeout
        default: .connectUnreachable
        }
    }
}
