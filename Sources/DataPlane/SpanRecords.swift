internal import Balancing
internal import HTTP
internal import Transport

/// The spans of an exchange that is over: its own, and one for each attempt that is described.
///
/// Attributes are those of OpenTelemetry's semantic conventions for HTTP, and a few of weir's own.
extension Worker {
    mutating func recordSpans(of exchange: Ref<Exchange>) {
        guard let request = exchange.its.request else { return }
        let bytes = request.bytes
        let start = exchange.its.hostBytes
        let head = bytes.extracting(start..<start + exchange.its.headBytes)
        recordExchange(exchange, head, host: bytes.extracting(0..<start))
        for index in 0..<exchange.attemptsDescribed {
            guard let replica = exchange.its.attempts[index].replica else { continue }
            recordAttempt(index + 1, of: exchange, on: replica, head)
        }
    }

    private mutating func recordExchange(
        _ exchange: Ref<Exchange>, _ head: Span<UInt8>, host: Span<UInt8>
    ) {
        let client = exchange.its.client
        var line = SpanLine(spans.space())
        line.begin(
            trace: TracedHead.traceID(head), id: exchange.its.spanID,
            parent: exchange.its.parentSpanID)
        let isRemote = exchange.its.parentSpanID != 0
        if isRemote { line.state(HeadText.field(HeadText.tracestate, in: head)) }
        line.kind(.server, isParentRemote: isRemote)
        line.name(exchange.its.method, head)
        line.times(wallNanoseconds(exchange.its.began), wallNanoseconds(now))
        line.beginAttributes()
        line.method(exchange.its.method, head)
        let isSecure = client.its.isSecure || client.its.spokeTLSBefore
        line.attribute("url.scheme", word: isSecure ? "https" : "http")
        line.attribute("network.protocol.version", word: version(of: client, exchange))
        line.attribute("client.address", client.its.addressText)
        line.host(host)
        if exchange.its.status >= 100 {
            line.attribute("http.response.status_code", exchange.its.status)
        }
        line.attribute("weir.request_id", exchange.its.requestID)
        line.attribute("weir.listener", listenerName(client.its.listenerRow))
        if let pool = exchange.its.pool { line.attribute("weir.pool", pool.its.pool.name) }
        if exchange.its.heldNanoseconds > 0 {
            line.attribute("weir.held_ms", Int(exchange.its.heldNanoseconds / 1_000_000))
        }
        let agent = HeadText.field(HeadText.userAgent, in: head)
        if !agent.isEmpty { line.attribute("user_agent.original", bytes: agent) }
        line.attribute("url.path", bytes: HeadText.path(head))
        let outcome = SpanOutcome(
            exchangeStatus: exchange.its.status, failure: exchange.its.failure)
        line.error(outcome, status: exchange.its.status)
        spans.commit(line.finish(outcome))
    }

    private mutating func recordAttempt(
        _ number: Int, of exchange: Ref<Exchange>, on replica: Ref<UpstreamReplica>,
        _ head: Span<UInt8>
    ) {
        let attempt = exchange.its.attempts[number - 1]
        let status = Int(attempt.status)
        var line = SpanLine(spans.space())
        line.begin(
            trace: TracedHead.traceID(head),
            id: SpanID.attempt(number, of: exchange.its.spanID), parent: exchange.its.spanID)
        line.kind(.client, isParentRemote: false)
        line.name(exchange.its.method, head)
        line.times(wallNanoseconds(attempt.began), wallNanoseconds(attempt.endedAt))
        line.beginAttributes()
        line.method(exchange.its.method, head)
        line.replicaAddress(replica.its.addressText.span)
        if status >= 100 { line.attribute("http.response.status_code", status) }
        if number > 1 { line.attribute("http.request.resend_count", number - 1) }
        line.attribute("weir.replica", bytes: replica.its.name.span)
        if attempt.isReused { line.attribute("weir.connection_reused", word: "true") }
        line.fullURL(
            replica.its.pool.its.tls == nil ? "http://" : "https://",
            replica.its.addressText.span, HeadText.path(head))
        let outcome = SpanOutcome(attemptStatus: status, failure: attempt.failure)
        line.error(outcome, status: status)
        spans.commit(line.finish(outcome))
    }

    private mutating func wallNanoseconds(_ instant: Instant) -> UInt64 {
        spans.wallNanoseconds(at: instant)
    }

    private mutating func version(
        of client: Ref<ClientConnection>, _ exchange: Ref<Exchange>
    ) -> StaticString {
        client.isStream ? "2" : exchange.its.clientMinorVersion == 1 ? "1.1" : "1.0"
    }
}

/// Whether a span went wrong, by the conventions for HTTP: a server's is no error for what the
/// client did wrong, a client's is for any status from 400 on.
struct SpanOutcome {
    var isError: Bool
    /// nil: the status says it, if it is an error.
    var failure: FailureReason?

    init(exchangeStatus status: Int, failure: FailureReason?) {
        self.failure = failure
        isError = status >= 500
        if let failure, status < 400 { isError = !failure.isClientsEnd && failure != .drained }
    }

    init(attemptStatus status: Int, failure: FailureReason?) {
        self.failure = failure
        isError = status >= 400
        if let failure { isError = !failure.isClientsEnd && failure != .drained }
    }
}
