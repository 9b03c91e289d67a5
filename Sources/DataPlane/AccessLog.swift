internal import Balancing
internal import HTTP
internal import Transport

/// One JSON object per exchange, with an entry per attempt.
extension Worker {
    mutating func logExchange(_ exchange: Ref<Exchange>) {
        guard log.isOn, isWanted(exchange) else { return }
        if logSampler.rules.form == .combined { return logCombined(exchange) }
        let wall = log.wallNanoseconds(at: now)
        var line = LogLine(log.space())
        line.field("time", timestamp: wall)
        line.field("request_id", exchange.its.requestID)
        line.field("listener", listenerName(exchange.its.client.its.listenerRow))
        line.field("client", exchange.its.client.its.addressText)
        describeRequest(exchange, &line)
        line.field("status", exchange.its.status)
        if let pool = exchange.its.pool { line.field("pool", text: pool.its.pool.name) }
        if exchange.its.yieldedFromSplit { line.field("yielded", word: "true", quoted: .no) }
        if let replica = lastReplica(exchange) {
            line.field("replica", bytes: replica.its.name.span)
        }
        line.field("duration_ms", milliseconds: now.nanoseconds(since: exchange.its.began))
        if exchange.its.kind == .http, exchange.its.firstByteAt.nanoseconds > 0,
            now.nanoseconds(since: exchange.its.firstByteAt) >= 1_000_000
        {
            let wait = exchange.its.firstByteAt.nanoseconds(since: exchange.its.began)
            line.field("first_byte_ms", milliseconds: wait)
        }
        if exchange.its.heldNanoseconds > 0 {
            line.field("held_ms", milliseconds: exchange.its.heldNanoseconds)
        }
        line.field("bytes_in", Int(clamping: exchange.its.bytesFromClient))
        line.field("bytes_out", Int(clamping: exchange.its.bytesToClient))
        if let failure = exchange.its.failure { line.field("reason", word: failure.word) }
        describeAttempts(exchange, &line)
        log.commit(line.finish())
    }

    private mutating func isWanted(_ exchange: Ref<Exchange>) -> Bool {
        logSampler.wants(
            status: exchange.its.status, isFailed: exchange.its.failure != nil,
            nanoseconds: now.nanoseconds(since: exchange.its.began))
    }

    /// A request that never became an exchange.
    mutating func logRefusal(
        _ client: Ref<ClientConnection>, status: Int, details: String, requestID: RequestID
    ) {
        guard log.isOn, logSampler.rules.form == .json else { return }
        let wall = log.wallNanoseconds(at: now)
        var line = LogLine(log.space())
        line.field("time", timestamp: wall)
        line.field("request_id", requestID)
        line.field("listener", listenerName(client.its.listenerRow))
        line.field("client", client.its.addressText)
        line.field("status", status)
        line.field("reason", text: details)
        line.beginAttempts()
        line.endAttempts()
        log.commit(line.finish())
    }

    mutating func listenerName(_ row: Int) -> String {
        snapshot.listeners.first { $0.row == row }?.name ?? ""
    }

    private mutating func lastReplica(_ exchange: Ref<Exchange>) -> Ref<UpstreamReplica>? {
        let count = exchange.attemptsDescribed
        return count > 0 ? exchange.its.attempts[count - 1].replica : nil
    }

    private mutating func describeRequest(_ exchange: Ref<Exchange>, _ line: inout LogLine) {
        guard let request = exchange.its.request else { return line.field("protocol", word: "tcp") }
        let bytes = request.bytes
        let head = bytes.extracting(exchange.its.hostBytes...)
        line.field("method", bytes: HeadText.method(head))
        line.field("host", bytes: bytes.extracting(0..<exchange.its.hostBytes))
        line.field("target", bytes: HeadText.target(head))
        guard logSampler.rules.tracing == .on else { return }
        let trace = HeadText.traceID(HeadText.field(HeadText.traceparent, in: head))
        if !trace.isEmpty { line.field("trace_id", bytes: trace) }
    }

    private mutating func describeAttempts(_ exchange: Ref<Exchange>, _ line: inout LogLine) {
        line.beginAttempts()
        for index in 0..<exchange.attemptsDescribed {
            let attempt = exchange.its.attempts[index]
            guard let replica = attempt.replica else { continue }
            line.beginAttempt()
            line.field("replica", bytes: replica.its.name.span)
            line.field("address", bytes: replica.its.addressText.span)
            if attempt.isReused {
                line.field("reused", word: "true", quoted: .no)
            } else {
                line.field(
                    "connect_ms",
                    milliseconds: attempt.connectedAt.nanoseconds(since: attempt.began))
            }
            line.field("ms", milliseconds: attempt.endedAt.nanoseconds(since: attempt.began))
            line.field("outcome", word: attempt.failure?.word ?? "ok")
            line.endAttempt()
        }
        line.endAttempts()
    }
}
