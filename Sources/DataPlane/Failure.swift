internal import HTTP

/// Why an exchange, or one attempt of it, went wrong. The words are those of the log, the metrics
/// and the `details` of `Proxy-Status`.
enum FailureReason: UInt8 {
    // Reaching a replica.
    case connectRefused, connectTimeout, connectUnreachable
    case tlsHandshakeFailed, tlsCertificateInvalid, tlsAlertReceived
    case noReadyReplica, holdFull, holdTimeout, paused, deadlinePassed, circuitOpen
    // On a connection to it.
    case closedBeforeHeaders, closedMidResponse, firstByteTimeout, bodyTimeout
    case malformedResponse, responseHeadTooLarge, replicaLost, retriedStatus
    /// The replica says that it has done nothing with the request.
    case streamRefused
    /// The replica has reset the stream, and may have worked on the request.
    case streamReset
    /// The replica does not know how to change the protocol of a stream.
    case upgradeRefused
    // The client's doing.
    case noRoute, methodRefused, rateLimited, clientConnections
    case malformedRequest, headTooLarge, requestTimeout, clientClosed
    case clientTimeout, requestTooSlow, clientTooSlow
    // Ours.
    case buffersExhausted, shuttingDown
    /// No failure: the end of a tunnel whose replica is being drained.
    case drained

    var word: StaticString {
        switch self {
        case .connectRefused: "connect_refused"
        case .connectTimeout: "connect_timeout"
        case .connectUnreachable: "connect_unreachable"
        case .tlsHandshakeFailed: "tls_handshake_failed"
        case .tlsCertificateInvalid: "tls_certificate_invalid"
        case .tlsAlertReceived: "tls_alert_received"
        case .noReadyReplica: "no_ready_replica"
        case .holdFull: "hold_full"
        case .holdTimeout: "hold_timeout"
        case .paused: "paused"
        case .circuitOpen: "circuit_open"
        case .deadlinePassed: "deadline_passed"
        case .closedBeforeHeaders: "upstream_closed_before_headers"
        case .closedMidResponse: "upstream_closed_mid_response"
        case .firstByteTimeout: "first_byte_timeout"
        case .bodyTimeout: "body_timeout"
        case .malformedResponse: "malformed_response"
        case .responseHeadTooLarge: "response_head_too_large"
        case .replicaLost: "replica_lost"
        case .retriedStatus: "retried_status"
        case .streamRefused: "stream_refused"
        case .streamReset: "stream_reset"
        case .upgradeRefused: "upgrade_refused"
        case .noRoute: "no_route"
        case .methodRefused: "method_refused"
        case .rateLimited: "rate_limited"
        case .clientConnections: "client_connections"
        case .malformedRequest: "malformed_request"
        case .headTooLarge: "head_too_large"
        case .requestTimeout: "request_timeout"
        case .clientClosed: "client_closed"
        case .clientTimeout: "client_timeout"
        case .requestTooSlow: "request_too_slow"
        case .clientTooSlow: "client_too_slow"
        case .buffersExhausted: "buffers_exhausted"
        case .shuttingDown: "shutting_down"
        case .drained: "drained"
        }
    }

    /// The client has left, or does not read: whatever was cut, nobody here is to blame for it.
    var isClientsEnd: Bool {
        self == .clientClosed || self == .clientTimeout || self == .clientTooSlow
    }

    /// Whether it counts against the replica of the attempt, and not against the client or weir.
    var blamesReplica: Bool {
        switch self {
        case .connectRefused, .connectTimeout, .connectUnreachable: true
        case .tlsHandshakeFailed, .tlsCertificateInvalid, .tlsAlertReceived: true
        case .closedBeforeHeaders, .closedMidResponse, .firstByteTimeout, .bodyTimeout: true
        case .malformedResponse, .responseHeadTooLarge, .replicaLost, .retriedStatus: true
        case .streamRefused, .streamReset: true
        case .upgradeRefused: false
        case .noReadyReplica, .holdFull, .holdTimeout, .paused, .deadlinePassed: false
        case .circuitOpen: false
        case .noRoute, .methodRefused, .rateLimited, .clientConnections: false
        case .malformedRequest, .headTooLarge, .requestTimeout: false
        case .clientClosed, .clientTimeout, .requestTooSlow, .clientTooSlow: false
        case .buffersExhausted, .shuttingDown, .drained: false
        }
    }

    /// What the client is answered, if nothing of a response has been sent yet.
    var status: Int {
        switch self {
        case .connectRefused, .connectUnreachable, .closedBeforeHeaders, .closedMidResponse: 502
        case .tlsHandshakeFailed, .tlsCertificateInvalid, .tlsAlertReceived: 502
        case .malformedResponse, .responseHeadTooLarge, .replicaLost, .retriedStatus: 502
        case .streamRefused, .streamReset, .upgradeRefused: 502
        case .connectTimeout, .firstByteTimeout, .bodyTimeout, .deadlinePassed: 504
        case .noReadyReplica, .holdFull, .holdTimeout, .paused, .circuitOpen: 503
        case .buffersExhausted, .shuttingDown, .drained: 503
        case .noRoute: 404
        case .methodRefused: 405
        case .rateLimited, .clientConnections: 429
        case .malformedRequest: 400
        case .headTooLarge: 431
        case .requestTimeout, .requestTooSlow: 408
        // Seen in the log only: there is nobody to answer.
        case .clientClosed, .clientTimeout, .clientTooSlow: 499
        }
    }

    /// The error type of RFC 9209 §2.3.
    var proxyError: StaticString {
        switch self {
        case .connectRefused: "connection_refused"
        case .connectTimeout: "connection_timeout"
        case .connectUnreachable: "destination_ip_unroutable"
        case .tlsHandshakeFailed: "tls_protocol_error"
        case .tlsCertificateInvalid: "tls_certificate_error"
        case .tlsAlertReceived: "tls_alert_received"
        case .noReadyReplica, .holdTimeout, .paused, .deadlinePassed: "destination_unavailable"
        case .circuitOpen: "destination_unavailable"
        case .holdFull, .buffersExhausted, .shuttingDown: "connection_limit_reached"
        case .clientConnections: "connection_limit_reached"
        case .closedBeforeHeaders, .replicaLost: "connection_terminated"
        case .streamRefused, .streamReset: "connection_terminated"
        case .upgradeRefused: "http_upgrade_failed"
        case .closedMidResponse: "http_response_incomplete"
        case .firstByteTimeout: "http_response_timeout"
        case .bodyTimeout: "connection_read_timeout"
        case .clientTimeout, .clientTooSlow: "connection_write_timeout"
        case .malformedResponse, .retriedStatus: "http_protocol_error"
        case .responseHeadTooLarge: "http_response_header_section_size"
        case .noRoute: "destination_not_found"
        case .rateLimited: "http_request_denied"
        case .methodRefused, .malformedRequest, .headTooLarge: "http_request_error"
        case .requestTimeout, .requestTooSlow: "connection_read_timeout"
        case .clientClosed, .drained: "connection_terminated"
        }
    }
}

extension FailureReason {
    /// What a gRPC call is answered with. `unavailable` says that the call can be made again, so it
    /// is for what no replica has worked on, and for replicas that are gone.
    var grpcStatus: GRPCStatus {
        switch self {
        case .connectRefused, .connectTimeout, .connectUnreachable: .unavailable
        case .tlsHandshakeFailed, .tlsCertificateInvalid, .tlsAlertReceived: .unavailable
        case .noReadyReplica, .holdFull, .holdTimeout, .paused, .circuitOpen: .unavailable
        case .closedBeforeHeaders, .closedMidResponse, .replicaLost, .retriedStatus: .unavailable
        case .streamRefused: .unavailable
        case .shuttingDown, .drained: .unavailable
        case .deadlinePassed, .firstByteTimeout, .bodyTimeout, .requestTimeout: .deadlineExceeded
        case .malformedResponse, .responseHeadTooLarge, .malformedRequest: .internalError
        case .streamReset: .internalError
        case .noRoute, .methodRefused, .upgradeRefused: .unimplemented
        case .headTooLarge, .buffersExhausted, .rateLimited: .resourceExhausted
        case .clientConnections: .resourceExhausted
        case .requestTooSlow: .deadlineExceeded
        case .clientClosed, .clientTimeout, .clientTooSlow: .cancelled
        }
    }
}
