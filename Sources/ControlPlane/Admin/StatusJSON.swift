internal import Metrics

/// The status report as JSON, both ways: the server writes it, the command line reads it.
///
/// Members that a reader does not know are ignored and missing ones keep their default, so a
/// command line and a server of different versions understand each other.
public enum StatusJSON {
    /// The report as one line of JSON.
    public static func text(_ report: StatusReport) -> String { report.json.text }

    /// The report in a body that `/status` answered.
    ///
    /// - Throws: `JSONError` if the body is no JSON or no report; the caller prints it.
    public static func report(from body: [UInt8]) throws(JSONError) -> StatusReport {
        let json = try JSONValue(parsing: body)
        do throws(JSONMismatch) {
            return try StatusReport(json: json)
        } catch {
            throw JSONError(offset: 0, message: "\(error.path) should be \(error.expected)")
        }
    }
}

extension StatusReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("version", \.version), JSONField("time", \.time),
            JSONField("uptime_ms", \.uptimeMilliseconds), JSONField("generation", \.generation),
            JSONField("phase", \.phase), JSONField("ready", \.isReady),
            JSONField("not_ready_reasons", \.notReadyReasons), JSONField("workers", \.workers),
            JSONField("listeners", \.listeners), JSONField("routes", \.routes),
            JSONField("splits", \.splits), JSONField("rollouts", \.rollouts),
            JSONField("pools", \.pools),
            JSONField("dns", \.dns), JSONField("events", \.events),
            JSONField("log_lines_lost", \.logLinesLost),
            JSONField("spans_exported", \.spansExported), JSONField("spans_lost", \.spansLost),
        ]
    }
}

extension WorkerReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("generation", \.generation),
            JSONField("client_connections", \.clientConnections),
            JSONField("upstream_connections", \.upstreamConnections),
            JSONField("exchanges", \.exchanges), JSONField("tunnels", \.tunnels),
            JSONField("buffers_in_use", \.buffersInUse),
            JSONField("observations_dropped", \.observationsDropped),
            JSONField("log_records_dropped", \.logRecordsDropped),
            JSONField("spans_dropped", \.spansDropped),
            JSONField("loop_turns", \.loopTurns),
        ]
    }
}

extension ListenerReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("name", \.name), JSONField("bind", \.bind), JSONField("protocol", \.mode),
            JSONField("target", \.target), JSONField("accepted", \.accepted),
            JSONField("open", \.open), JSONField("requests", \.requests),
            JSONField("refused", \.refused),
            JSONField("clients_refused", \.clientsRefused), JSONField("too_slow", \.tooSlow),
            JSONField("malformed", \.malformed),
            JSONField("tls_handshakes", \.handshakes),
            JSONField("tls_handshakes_resumed", \.handshakesResumed),
            JSONField("tls_handshakes_failed", \.handshakesFailed),
            JSONField("certificates", \.certificates),
        ]
    }
}

extension CertificateReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("file", \.file), JSONField("names", \.names), JSONField("key", \.key),
            JSONField("not_before", \.notBefore), JSONField("not_after", \.notAfter),
            JSONField("expires_in_seconds", \.expiresInSeconds), JSONField("problem", \.problem),
        ]
    }
}

extension RouteReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("listeners", \.listeners), JSONField("host", \.host),
            JSONField("path", \.path), JSONField("methods", \.methods),
            JSONField("headers", \.headers), JSONField("target", \.target),
        ]
    }
}

extension SplitReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("name", \.name), JSONField("weights", \.parts),
            JSONField("sticky", \.sticky), JSONField("pins", \.pins),
            JSONField("slots", \.slots),
        ]
    }
}

extension SplitReport.SlotRun: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("count", \.count)]
    }
}

extension SplitReport.Part: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("pool", \.pool), JSONField("weight", \.weight),
            JSONField("file_weight", \.fileWeight), JSONField("share_percent", \.sharePercent),
        ]
    }
}

extension PoolReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("name", \.name), JSONField("policy", \.policy), JSONField("probe", \.probe),
            JSONField("sticky", \.sticky), JSONField("paused", \.isPaused),
            JSONField("wait_at_most_ms", \.waitAtMostMilliseconds), JSONField("ready", \.ready),
            JSONField("requests", \.requests), JSONField("responses", \.responses),
            JSONField("requests_per_second", \.requestsPerSecond),
            JSONField("in_flight", \.inFlight), JSONField("holding", \.holding),
            JSONField("holds", \.holds), JSONField("hold_timeouts", \.holdTimeouts),
            JSONField("tunnels", \.tunnels), JSONField("tunnels_drained", \.tunnelsDrained),
            JSONField("retries", \.retries), JSONField("retries_denied", \.retriesDenied),
            JSONField("rescued", \.rescued), JSONField("rescued_by_class", \.rescues),
            JSONField("failures", \.failures),
            JSONField("yielded", \.yielded), JSONField("ejections", \.ejections),
            JSONField("circuit", \.circuit), JSONField("circuit_opens", \.circuitOpens),
            JSONField("probes", \.probes), JSONField("probe_failures", \.probeFailures),
            JSONField("cut", \.cut),
            JSONField("backup", \.backup), JSONField("backed_up", \.isBackedUp),
            JSONField("bytes_from_clients", \.bytesFromClients),
            JSONField("bytes_to_clients", \.bytesToClients),
            JSONField("p50_ms", \.medianMilliseconds), JSONField("p99_ms", \.p99Milliseconds),
            JSONField("durations", \.durations), JSONField("replicas", \.replicas),
        ]
    }
}

extension DurationCount: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("below_us", \.belowMicroseconds), JSONField("count", \.count)]
    }
}

extension RescueCounts: JSONRecord {
    static var fields: [JSONField<Self>] {
        RescueClass.allCases.map { JSONField($0.word, \.[$0]) }
    }
}

extension ClassCounts: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("1xx", \.status1xx), JSONField("2xx", \.status2xx),
            JSONField("3xx", \.status3xx), JSONField("4xx", \.status4xx),
            JSONField("5xx", \.status5xx),
        ]
    }
}

extension ReplicaReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("name", \.name), JSONField("address", \.address),
            JSONField("state", \.state), JSONField("cause", \.cause), JSONField("since", \.since),
            JSONField("since_ms", \.sinceMilliseconds), JSONField("probe", \.probeOutcome),
            JSONField("probe_ms", \.probeMilliseconds),
            JSONField("probe_age_ms", \.probeAgeMilliseconds), JSONField("weight", \.weight),
            JSONField("weight_percent", \.weightPercent),
            JSONField("in_flight", \.inFlight), JSONField("drained", \.isDrained),
            JSONField("tunnels_end_in_ms", \.tunnelsEndInMilliseconds),
            JSONField("responses", \.responses),
            JSONField("requests_per_second", \.requestsPerSecond),
            JSONField("failures", \.failures), JSONField("connects", \.connects),
            JSONField("connect_failures", \.connectFailures),
            JSONField("tls_handshakes", \.handshakes),
            JSONField("tls_handshakes_resumed", \.handshakesResumed),
            JSONField("connections_open", \.connectionsOpen),
            JSONField("connections_idle", \.connectionsIdle), JSONField("tunnels", \.tunnels),
            JSONField("bytes_sent", \.bytesSent), JSONField("bytes_received", \.bytesReceived),
            JSONField("first_byte_us_sum", \.firstByteMicrosecondsSum),
        ]
    }
}

extension EventReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("time", \.time), JSONField("level", \.level), JSONField("text", \.text)]
    }
}
