internal import Balancing
internal import Metrics
internal import Transport

/// TLS with replicas: it belongs to the connect, is under its time-out, and fails like it.
extension Worker {
    mutating func beginHandshake(_ upstream: Ref<UpstreamConnection>) {
        let replica = upstream.its.replica
        guard let context = replica.its.pool.its.tls,
            let wire = Wire(
                connecting: upstream.its.wire.descriptor, by: context,
                name: replica.its.serverName, resuming: replica.its.session)
        else {
            if upstream.its.http2.isCarrier {
                carrierFailed(upstream, code: ConnectError.noMemory)
            } else if let exchange = upstream.its.exchange {
                fail(exchange, .buffersExhausted)
            }
            return
        }
        upstream.its.wire = wire
        limitOffer(on: upstream)
        upstream.its.phase = .handshaking
        continueHandshake(upstream)
    }

    mutating func continueHandshake(_ upstream: Ref<UpstreamConnection>) {
        guard upstream.its.http2.isCarrier || upstream.its.exchange != nil else {
            return closeUpstream(upstream)
        }
        guard upstream.isOnPresentTerms else { return connectAgain(upstream) }
        switch upstream.its.wire.handshake() {
        case .waiting: break
        case .failed(let failure): handshakeFailed(upstream, failure)
        case .done where !fits(upstream):
            handshakeFailed(upstream, .noCommonProtocol)
        case .done:
            let row = upstream.its.replica.its.row
            counters.replicas.add(1, row: row, column: ReplicaColumn.handshakes.rawValue)
            if upstream.its.wire.isResumed {
                counters.replicas.add(1, row: row, column: ReplicaColumn.handshakesResumed.rawValue)
            }
            followAgreement(upstream)
        }
    }

    private mutating func handshakeFailed(
        _ upstream: Ref<UpstreamConnection>, _ failure: TLSFailure
    ) {
        let replica = upstream.its.replica
        counters.replicas.add(
            1, row: replica.its.row, column: ReplicaColumn.connectFailures.rawValue)
        if let exchange = upstream.its.exchange, isRefusedUpgrade(failure, on: upstream) {
            return fail(exchange, .upgradeRefused)
        }
        // What the session was resumed for may be what went wrong.
        replica.its.session = nil
        if failure.kind == .closed {
            observe(.closedBeforeResponse, replica)
        } else {
            observe(.handshakeFailed, replica, code: failure.code)
        }
        avoid(replica)
        if let exchange = upstream.its.exchange {
            return fail(exchange, FailureReason(failure))
        }
        upstream.its.http2.isEnding = true
        failStreams(of: upstream, FailureReason(failure))
        closeUpstream(upstream)
    }

    /// Keeps what the replica has given to resume with, for its next connection. Where the terms
    /// have changed since, that one is to be verified anew.
    mutating func keepSession(of upstream: Ref<UpstreamConnection>) {
        guard let session = upstream.its.wire.takeSession() else { return }
        let replica = upstream.its.replica
        if !replica.its.isGone, upstream.isOnPresentTerms { replica.its.session = session }
    }

    /// TLS is turned on or off, or goes by other rules.
    mutating func adoptTLS(of pool: Ref<UpstreamPool>) {
        let context = pool.its.pool.tls as? TLSContext
        guard context !== pool.its.tls else { return }
        pool.its.tls = context
        for replica in pool.its.replicas {
            replica.its.codec = .unknown
            renewTerms(of: replica)
        }
    }
}

extension FailureReason {
    init(_ failure: TLSFailure) {
        switch failure.kind {
        case .certificate: self = .tlsCertificateInvalid
        case .alert: self = .tlsAlertReceived
        case .closed, .protocolError: self = .tlsHandshakeFailed
        }
    }
}
