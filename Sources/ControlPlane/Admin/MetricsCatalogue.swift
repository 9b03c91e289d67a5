internal import Metrics

/// The names of all metrics, with what they mean and where they are read.
extension MetricsPage {
    static var program: [Metric<StatusReport>] {
        [
            Metric("weir_uptime_seconds", .gauge, "Seconds since the start.") {
                Double($0.uptimeMilliseconds) / 1000
            },
            Metric("weir_workers", .gauge, "Threads that move bytes.") {
                Double($0.workers.count)
            },
            Metric("weir_ready", .gauge, "1 if /ready answers 200.") { $0.isReady ? 1 : 0 },
            Metric(
                "weir_snapshot_generation", .gauge, "Number of the newest snapshot.",
                \.generation),
            Metric(
                "weir_state_log_lines_lost_total", .counter,
                "State changes that whoever reads standard error was not ready for.",
                \.logLinesLost),
            Metric(
                "weir_spans_exported_total", .counter, "Spans that the collector took.",
                \.spansExported),
            Metric(
                "weir_spans_lost_total", .counter,
                "Spans that the collector refused, or was not there for.", \.spansLost),
            Metric(
                "weir_dns_questions_total", .counter, "Questions asked of the resolver.",
                \.dns.questions),
            Metric(
                "weir_dns_truncated_answers_total", .counter,
                "Answers that did not fit, and were asked for again over TCP.", \.dns.truncated),
            Metric(
                "weir_dns_duration_seconds_total", .counter,
                "How long the answers to all questions took together."
            ) { Double($0.dns.microseconds) / 1e6 },
        ]
    }

    static var worker: [Metric<WorkerReport>] {
        [
            Metric(
                "weir_worker_snapshot_generation", .gauge,
                "Number of the snapshot that the worker works by.", \.generation),
            Metric(
                "weir_worker_client_connections", .gauge, "Client connections open.",
                \.clientConnections),
            Metric(
                "weir_worker_upstream_connections", .gauge, "Upstream connections open.",
                \.upstreamConnections),
            Metric("weir_worker_exchanges", .gauge, "Requests in flight.", \.exchanges),
            Metric("weir_worker_tunnels", .gauge, "Tunnels open.", \.tunnels),
            Metric("weir_worker_buffers_in_use", .gauge, "Buffers in use.", \.buffersInUse),
            Metric(
                "weir_worker_observations_dropped_total", .counter,
                "Observations that found the queue to the control plane full.",
                \.observationsDropped),
            Metric(
                "weir_worker_log_records_dropped_total", .counter,
                "Access log records that found the log writer behind.", \.logRecordsDropped),
            Metric(
                "weir_worker_spans_dropped_total", .counter,
                "Spans that found those before them not sent yet.", \.spansDropped),
            Metric("weir_worker_loop_turns_total", .counter, "Turns of the loop.", \.loopTurns),
        ]
    }

    static var listener: [Metric<ListenerReport>] {
        [
            Metric(
                "weir_listener_connections_accepted_total", .counter, "Connections accepted.",
                \.accepted),
            Metric("weir_listener_connections_open", .gauge, "Connections open.", \.open),
            Metric("weir_listener_requests_total", .counter, "Requests received.", \.requests),
            Metric(
                "weir_listener_connections_refused_total", .counter,
                "How often accepting paused at a limit; who comes meanwhile waits.", \.refused),
            Metric(
                "weir_listener_clients_refused_total", .counter,
                "Connections of clients that had as many as they may.", \.clientsRefused),
            Metric(
                "weir_listener_clients_too_slow_total", .counter,
                "Clients that sent or read too slowly.", \.tooSlow),
            Metric(
                "weir_listener_malformed_requests_total", .counter,
                "Requests that are not HTTP, or ambiguous.", \.malformed),
            Metric(
                "weir_listener_tls_handshakes_total", .counter, "TLS handshakes that went well.",
                \.handshakes),
            Metric(
                "weir_listener_tls_handshakes_resumed_total", .counter,
                "Those of them that resumed a session.", \.handshakesResumed),
            Metric(
                "weir_listener_tls_handshakes_failed_total", .counter,
                "TLS handshakes that failed.", \.handshakesFailed),
        ]
    }

    static var certificate: [Metric<CertificateReport>] {
        [
            Metric(
                "weir_certificate_expires_in_seconds", .gauge,
                "Time until the certificate expires; negative: it has."
            ) { Double($0.expiresInSeconds) },
            Metric(
                "weir_certificate_renewal_failed", .gauge,
                "1 if the files are newer than what is in use, and cannot be used."
            ) { $0.problem == nil ? 0 : 1 },
        ]
    }

    static var rollout: [Metric<RolloutReport>] {
        [
            Metric("weir_rollout_step", .gauge, "Steps taken.", \.record.stepsTaken),
            Metric("weir_rollout_percent", .gauge, "The canary's share of the split.") {
                $0.sharePercent
            },
            Metric("weir_rollout_paused", .gauge, "1 while an operator lets no step be taken.") {
                $0.record.isPaused ? 1 : 0
            },
            Metric(
                "weir_rollout_aborts_total", .counter, "Rollouts of the split that were aborted.",
                \.aborts),
        ]
    }

    static var pool: [Metric<PoolReport>] {
        [
            Metric(
                "weir_pool_requests_received_total", .counter, "Requests sent to the pool.",
                \.requests),
            Metric("weir_pool_tunnels_total", .counter, "Tunnels opened.", \.tunnels),
            Metric(
                "weir_pool_tunnels_drained_total", .counter,
                "Tunnels ended because their replica was being drained.", \.tunnelsDrained),
            Metric(
                "weir_pool_retries_total", .counter, "Attempts after the first one.", \.retries),
            Metric(
                "weir_pool_retries_denied_total", .counter,
                "Retries that the budget forbade; the failure went to the client.",
                \.retriesDenied),
            Metric(
                "weir_pool_requests_rescued_total", .counter,
                "Requests that would have failed without weir's doing, and did not.", \.rescued),
            Metric(
                "weir_pool_requests_held_total", .counter, "Requests that had to wait.", \.holds),
            Metric("weir_pool_requests_holding", .gauge, "Requests that wait now.", \.holding),
            Metric(
                "weir_pool_hold_timeouts_total", .counter, "Requests that waited in vain.",
                \.holdTimeouts),
            Metric(
                "weir_pool_failures_total", .counter,
                "Requests that weir answered with an error of its own.", \.failures),
            Metric(
                "weir_pool_requests_yielded_total", .counter,
                "Requests taken over for another pool: of the split, or as its backup.", \.yielded),
            Metric(
                "weir_pool_ejections_total", .counter,
                "Times that real traffic took a replica out."
            ) { Double($0.ejections ?? 0) },
            Metric(
                "weir_pool_circuit_open", .gauge,
                "1 while the pool's requests are answered at once, or tried one at a time."
            ) { $0.circuit ?? "closed" == "closed" ? 0 : 1 },
            Metric(
                "weir_pool_circuit_opens_total", .counter, "Times that the circuit opened.",
                \.circuitOpens),
            Metric("weir_pool_probes_total", .counter, "Probes that ended.", \.probes),
            Metric(
                "weir_pool_probe_failures_total", .counter, "Probes that did not pass.",
                \.probeFailures),
            Metric(
                "weir_pool_responses_cut_total", .counter,
                "Answers that had begun and were cut short, not by the client.", \.cut),
            Metric(
                "weir_pool_client_received_bytes_total", .counter, "Bytes from clients.",
                \.bytesFromClients),
            Metric(
                "weir_pool_client_sent_bytes_total", .counter, "Bytes to clients.",
                \.bytesToClients),
            Metric("weir_pool_in_flight", .gauge, "Requests and tunnels in flight.", \.inFlight),
            Metric(
                "weir_pool_replicas_ready", .gauge, "Replicas that take new requests.", \.ready),
            Metric("weir_pool_paused", .gauge, "1 while an operator lets requests wait.") {
                $0.isPaused ? 1 : 0
            },
        ]
    }

    static var replica: [Metric<ReplicaReport>] {
        [
            Metric("weir_replica_weight", .gauge, "Relative share.", \.weight),
            Metric("weir_replica_in_flight", .gauge, "Requests and tunnels in flight.", \.inFlight),
            Metric(
                "weir_replica_failures_total", .counter, "Attempts that ended without a response.",
                \.failures),
            Metric("weir_replica_connects_total", .counter, "Connects begun.", \.connects),
            Metric(
                "weir_replica_connect_failures_total", .counter, "Connects that failed.",
                \.connectFailures),
            Metric(
                "weir_replica_tls_handshakes_total", .counter, "TLS handshakes that went well.",
                \.handshakes),
            Metric(
                "weir_replica_tls_handshakes_resumed_total", .counter,
                "Those of them that resumed a session.", \.handshakesResumed),
            Metric(
                "weir_replica_connections_open", .gauge, "Connections open.", \.connectionsOpen),
            Metric(
                "weir_replica_connections_idle", .gauge, "Connections open and unused.",
                \.connectionsIdle),
            Metric("weir_replica_tunnels_total", .counter, "Tunnels opened.", \.tunnels),
            Metric("weir_replica_sent_bytes_total", .counter, "Bytes sent to it.", \.bytesSent),
            Metric(
                "weir_replica_received_bytes_total", .counter, "Bytes received from it.",
                \.bytesReceived),
            Metric("weir_replica_state_age_seconds", .gauge, "Time in its present state.") {
                Double($0.sinceMilliseconds) / 1000
            },
        ]
    }

    /// Of replicas that were probed.
    static var probe: [Metric<ReplicaReport>] {
        [
            Metric("weir_replica_probe_success", .gauge, "1 if the last probe passed.") {
                $0.probeOutcome == "pass" ? 1 : 0
            },
            Metric("weir_replica_probe_duration_seconds", .gauge, "How long the last probe took.") {
                ($0.probeMilliseconds ?? 0) / 1000
            },
            Metric("weir_replica_probe_age_seconds", .gauge, "Time since the last probe ended.") {
                Double($0.probeAgeMilliseconds ?? 0) / 1000
            },
        ]
    }
}
