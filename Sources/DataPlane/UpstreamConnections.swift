internal import Balancing
internal import Metrics
internal import Transport

/// The connections of a replica: counted, kept while unused, cut when the replica is lost.
extension Worker {
    mutating func link(_ upstream: Ref<UpstreamConnection>, to replica: Ref<UpstreamReplica>) {
        upstream.its.previous = nil
        upstream.its.next = replica.its.firstConnection
        replica.its.firstConnection?.its.previous = upstream
        replica.its.firstConnection = upstream
        replica.its.connectionCount += 1
        counters.replicas.add(
            1, row: replica.its.row, column: ReplicaColumn.connectionsOpen.rawValue)
    }

    /// Takes the exchange off its connection; what happens to either is up to the caller.
    mutating func detach(_ exchange: Ref<Exchange>, _ upstream: Ref<UpstreamConnection>) {
        exchange.its.upstream = nil
        upstream.its.exchange = nil
    }

    /// Keeps a connection for the next exchange, if there is room and the replica still wants work.
    mutating func keepIdle(_ upstream: Ref<UpstreamConnection>) {
        if upstream.isStream { return releaseStream(upstream) }
        let replica = upstream.its.replica
        let settings = replica.its.pool.its.pool.settings
        guard replica.its.availability == .ready || replica.its.availability == .lastResort,
            !replica.its.isGone, replica.its.idleCount < settings.idleConnectionsPerReplicaMaximum,
            upstream.isOnPresentTerms
        else { return closeUpstream(upstream) }
        if upstream.its.wire.isTLS { keepSession(of: upstream) }
        upstream.its.phase = .idle
        upstream.its.idleSince = now
        upstream.its.requestsServed += 1
        wheel.set(upstream.its.timer, at: now.adding(milliseconds: idleLimit(of: upstream)))
        upstream.its.previousIdle = nil
        upstream.its.nextIdle = replica.its.firstIdle
        if let first = replica.its.firstIdle {
            first.its.previousIdle = upstream
        } else {
            replica.its.lastIdle = upstream
        }
        replica.its.firstIdle = upstream
        replica.its.idleCount += 1
        counters.replicas.add(
            1, row: replica.its.row, column: ReplicaColumn.connectionsIdle.rawValue)
    }

    /// Less than the replica allows, as far as that is known: who closes first is not surprised.
    private mutating func idleLimit(of upstream: Ref<UpstreamConnection>) -> Int {
        let pool = upstream.its.replica.its.pool
        var limit = pool.its.pool.settings.idleTimeoutMilliseconds
        if pool.its.idleLimit.isLearned {
            limit = pool.its.idleLimit.milliseconds(configured: limit, now: now.milliseconds)
        }
        let promised = upstream.its.idleSecondsPromised
        return promised < 0 ? limit : min(limit, promised * 800)
    }

    mutating func unlinkIdle(_ upstream: Ref<UpstreamConnection>) {
        let replica = upstream.its.replica
        let previous = upstream.its.previousIdle
        let next = upstream.its.nextIdle
        if let previous { previous.its.nextIdle = next } else { replica.its.firstIdle = next }
        if let next { next.its.previousIdle = previous } else { replica.its.lastIdle = previous }
        upstream.its.previousIdle = nil
        upstream.its.nextIdle = nil
        replica.its.idleCount -= 1
        counters.replicas.subtract(
            1, row: replica.its.row, column: ReplicaColumn.connectionsIdle.rawValue)
    }

    /// Closes the connection and forgets it. An exchange on it must have been detached.
    mutating func closeUpstream(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.its.isOpen else { return }
        if upstream.isStream { return closeStream(upstream) }
        let replica = upstream.its.replica
        dropSession(of: upstream)
        if upstream.its.phase == .idle { unlinkIdle(upstream) }
        let previous = upstream.its.previous
        let next = upstream.its.next
        if let previous { previous.its.next = next } else { replica.its.firstConnection = next }
        if let next { next.its.previous = previous }
        replica.its.connectionCount -= 1
        counters.replicas.subtract(
            1, row: replica.its.row, column: ReplicaColumn.connectionsOpen.rawValue)
        if let input = upstream.its.input { store.give(input) }
        upstream.its.input = nil
        upstream.its.output.discard(store: &store)
        wheel.free(upstream.its.timer)
        if upstream.its.wire.isTLS { keepSession(of: upstream) }
        upstream.its.wire.close()
        upstreams.free(upstream)
        freeIfUnused(replica)
    }

    mutating func closeIdleConnections(of replica: Ref<UpstreamReplica>) {
        while let upstream = replica.its.firstIdle { closeUpstream(upstream) }
        var next = replica.its.firstConnection
        while let upstream = next {
            next = upstream.its.next
            guard upstream.its.phase == .multiplexing else { continue }
            upstream.its.http2.isEnding = true
            if upstream.its.http2.count == 0 { endCarrier(upstream) }
        }
    }

    /// What connections to the replica are made by has changed. Those there are carry what they
    /// have to its end, and nothing more.
    mutating func renewTerms(of replica: Ref<UpstreamReplica>) {
        replica.its.terms &+= 1
        replica.its.session = nil
        closeIdleConnections(of: replica)
    }

    /// The terms have changed while this connection was being made. Nothing has been sent on it:
    /// those who wait for it get another one.
    mutating func connectAgain(_ upstream: Ref<UpstreamConnection>) {
        let replica = upstream.its.replica
        let waiting = takeWaiting(from: upstream)
        closeUpstream(upstream)
        for exchange in waiting { attemptAgain(exchange, on: replica) }
    }

    /// Takes those off a connection that wait for it, in their order.
    mutating func takeWaiting(from upstream: Ref<UpstreamConnection>) -> [Ref<Exchange>] {
        var waiting: [Ref<Exchange>] = []
        if let exchange = upstream.its.exchange {
            detach(exchange, upstream)
            waiting.append(exchange)
        }
        for slot in streams(of: upstream).reversed() {
            if let exchange = slot.its.exchange {
                detach(exchange, slot)
                waiting.append(exchange)
            }
            closeUpstream(slot)
        }
        return waiting
    }

    /// Another connection for the same attempt, which has sent nothing yet.
    mutating func attemptAgain(_ exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>) {
        // What becomes of one can be the end of another.
        guard exchange.its.isOpen, exchange.its.stage == .connecting, exchange.its.upstream == nil
        else { return }
        if exchange.its.kind == .http, goesByStream(exchange, to: replica) {
            attemptStream(exchange, on: replica)
        } else {
            connect(exchange, to: replica)
        }
    }

    /// The replica is dead or frozen: nothing more will come of its connections.
    mutating func cutConnections(of replica: Ref<UpstreamReplica>) {
        closeIdleConnections(of: replica)
        while let upstream = replica.its.firstConnection {
            if let exchange = upstream.its.exchange { fail(exchange, .replicaLost) }
            if upstream.its.http2.isCarrier { failStreams(of: upstream, .replicaLost) }
            closeUpstream(upstream)
        }
    }
}

extension Ref where Slot == UpstreamConnection {
    /// It was made as one would be made now.
    var isOnPresentTerms: Bool { its.terms == its.replica.its.terms }
}
