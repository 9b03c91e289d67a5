internal import HTTP
internal import Transport

/// Which trace an exchange belongs to, and what its replicas are told of it.
///
/// Whether it is recorded is decided here, once: a trusted client's own decision counts, and of all
/// others a share is recorded. See docs/decisions/0022-traces.md.
extension Worker {
    /// The head that was just parsed is in `requestHead`, its bytes in `received`.
    mutating func beginTrace(of exchange: Ref<Exchange>, _ received: Buffer) -> TraceForwarding {
        guard let known = TraceParent(of: requestHead, from: received.bytes) else {
            return beginOwnTrace(of: exchange)
        }
        let isRecorded =
            exchange.its.client.its.isTrusted
            ? known.isSampled : traceSampler.takes(random.next())
        guard isRecorded else { return .unchanged }
        exchange.its.parentSpanID = known.spanID
        exchange.its.spanID = SpanID.next(&random)
        var own = known
        own.spanID = exchange.its.spanID
        own.flags = known.flags & TraceParent.random | TraceParent.sampled
        return .continued(own)
    }

    private mutating func beginOwnTrace(of exchange: Ref<Exchange>) -> TraceForwarding {
        var own = TraceParent(
            traceHigh: SpanID.next(&random), traceLow: random.next(),
            spanID: SpanID.next(&random), flags: 0)
        if traceSampler.takes(own.traceLow) {
            exchange.its.spanID = own.spanID
            own.flags = TraceParent.sampled
        }
        return .begun(own)
    }

    /// Writes the present attempt into the head as the parent of what the replica does.
    mutating func tellParent(_ exchange: Ref<Exchange>) {
        guard var head = exchange.its.request else { return }
        head.consume(exchange.its.hostBytes)
        var bytes = head.mutablePrefix(exchange.its.headBytes)
        let id = SpanID.attempt(exchange.its.attemptCount, of: exchange.its.spanID)
        TracedHead.setSpanID(id, in: &bytes)
    }
}
