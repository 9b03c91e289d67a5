internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// A parsed request becomes an exchange: where it goes, and what the replica will be sent.
extension Worker {
    /// The head that was just parsed is in `requestHead`; `received` begins with its bytes.
    mutating func beginExchange(_ client: Ref<ClientConnection>, _ received: Buffer) {
        let exchange = makeExchange(client)
        client.its.exchange = exchange
        client.its.phase = .exchanging
        wheel.cancel(client.its.timer)
        noteRequest(exchange, of: client)
        noteCall(exchange, received)
        if exchange.its.wantsUpgrade { noteUpgrade(exchange, received) }

        let isRedirected = isToBeRedirected(client, received)
        let isRouted = !isRedirected && requestHead.method != .connect
        let target = isRouted ? route(received, client.its.listenerRow, exchange) : nil
        let isComposed = composeRequest(exchange, received, for: client)
        // While the bytes are still there: what of the request decides is read from them.
        let isWithinRate = target == nil || isWithinRate(exchange, received)
        if let target, isWithinRate { choosePool(exchange, target, received) }
        let redirect = isRedirected ? writeRedirect(exchange, received) : nil
        var rest = received
        rest.consume(requestHead.byteCount)
        keepInput(rest, of: client)
        guard exchange.its.isOpen else { return }
        if !isComposed { return fail(exchange, .buffersExhausted) }
        if let redirect { return send(redirect, endOf: exchange) }
        if exchange.its.method == .connect { return fail(exchange, .methodRefused) }
        if target == nil { return fail(exchange, .noRoute) }
        if !isWithinRate { return fail(exchange, .rateLimited) }
        receiveRequestBody(exchange)
        guard exchange.its.isOpen else { return }
        dispatch(exchange)
    }

    mutating func makeExchange(_ client: Ref<ClientConnection>) -> Ref<Exchange> {
        let exchange = exchanges.make()
        let timer = exchange.its.timer
        exchange.its = exchanges.blank
        exchange.its.isOpen = true
        exchange.its.client = client
        exchange.its.requestID = RequestID(high: random.next(), low: random.next())
        exchange.its.timer =
            timer == .none ? wheel.make(owner: Token.exchange(exchange).bits) : timer
        exchange.its.began = now
        return exchange
    }

    private mutating func noteRequest(_ exchange: Ref<Exchange>, of client: Ref<ClientConnection>) {
        exchange.its.method = requestHead.method
        exchange.its.isIdempotent = requestHead.method.isIdempotent
        exchange.its.clientMinorVersion = requestHead.minorVersion
        exchange.its.expectsContinue = requestHead.expectsContinue
        exchange.its.wantsUpgrade = requestHead.wantsUpgrade
        exchange.its.requestFraming = requestHead.framing
        let endsWithStream = client.isStream && requestHead.framing == .chunked
        exchange.its.requestBody.begin(
            endsWithStream ? .untilClose : requestHead.framing, output: .framed)
        client.its.requestsServed += 1
        if !requestHead.keepsAlive
            || client.its.requestsServed >= snapshot.limits.requestsPerConnectionMaximum
        {
            client.its.closesAfterResponse = true
        }
        counters.listeners.add(
            1, row: client.its.listenerRow, column: ListenerColumn.requests.rawValue)
    }

    private mutating func noteCall(_ exchange: Ref<Exchange>, _ received: Buffer) {
        guard let call = GRPCCall(requestHead, from: received.bytes) else { return }
        exchange.its.isCall = true
        guard let timeout = call.timeoutNanoseconds else { return }
        exchange.its.deadline = Instant(nanoseconds: now.nanoseconds + timeout)
    }

    /// A client of HTTP/2 has made a tunnel of its stream, which cannot become a request again.
    private mutating func noteUpgrade(_ exchange: Ref<Exchange>, _ received: Buffer) {
        exchange.its.isUpgradeOptional =
            !exchange.its.client.its.http2.isTunnel && !requestHead.wantsWebSocket(received.bytes)
    }

    mutating func route(
        _ received: Buffer, _ listenerRow: Int, _ exchange: Ref<Exchange>
    ) -> Target? {
        if snapshot.routes.needsFields { noteFieldPositions() }
        let meaning = pathMeaning
        let outcome =
            meaning.isEmpty
            ? outcome(received, path: received.bytes.extracting(requestHead.path), listenerRow)
            : outcome(received, path: meaning.bytes, listenerRow)
        guard let outcome else { return nil }
        exchange.its.routeRow = outcome.row
        limitedRoute = outcome.limitedPosition
        if !exchange.its.isIdempotent, outcome.honoursIdempotencyKey {
            exchange.its.isIdempotent = requestHead.fields.span.first(.idempotencyKey) != nil
        }
        return outcome.target
    }

    private mutating func outcome(
        _ received: Buffer, path: Span<UInt8>, _ listenerRow: Int
    ) -> RouteOutcome? {
        let bytes = received.bytes
        let request = RouteRequest(
            listenerRow: listenerRow,
            host: bytes.extracting(requestHead.host),
            path: path,
            method: bytes.extracting(requestHead.methodRange),
            fields: RequestFields(head: bytes, positions: fieldPositions.span))
        return snapshot.routes.outcome(of: request)
    }

    /// Routes go by what the path of `requestHead` means; most paths mean what they spell, and then
    /// `pathMeaning` stays empty.
    mutating func readPath(_ received: Buffer) throws(HTTPError) {
        pathMeaning.clear()
        let path = received.bytes.extracting(requestHead.path)
        guard PathMeaning.needsReading(path) else { return }
        var meaning = pathMeaning
        var space = meaning.free
        let count = try PathMeaning.read(path, into: &space)
        meaning.commit(count)
        pathMeaning = meaning
    }

    private mutating func noteFieldPositions() {
        fieldPositions.removeAll(keepingCapacity: true)
        for index in 0..<requestHead.fields.count {
            let field = requestHead.fields[index]
            fieldPositions.append(
                FieldPosition(
                    nameStart: field.name.start, nameEnd: field.name.end,
                    valueStart: field.value.start, valueEnd: field.value.end))
        }
    }

    /// Puts the request, as the replica will get it, into a buffer of the exchange.
    private mutating func composeRequest(
        _ exchange: Ref<Exchange>, _ received: Buffer, for client: Ref<ClientConnection>
    ) -> Bool {
        let bytes = received.bytes
        let host = bytes.extracting(requestHead.authority)
        if client.its.isTrusted, let known = RequestID(of: requestHead, from: bytes) {
            exchange.its.requestID = known
        }
        let certificate = certificateLine(of: client)
        // The host comes once for the log and up to twice in forwarding fields.
        let expected = requestHead.byteCount + 3 * host.count + certificate.count + 512
        guard var buffer = store.take(atLeast: expected) else { return false }
        buffer.append(host)
        exchange.its.hostBytes = host.count
        exchange.its.request = buffer
        let isWritten = writeHead(
            received, certificate, of: exchange, client.its.addressText, exchange.its.requestID)
        if !isWritten {
            exchange.its.request = nil
            store.give(buffer)
        }
        return isWritten
    }

    /// Writes the head behind the host; false if there was no room for it.
    private mutating func writeHead(
        _ received: Buffer, _ certificate: Buffer, of exchange: Ref<Exchange>,
        _ address: borrowing AddressText, _ requestID: borrowing RequestID
    ) -> Bool {
        guard var buffer = exchange.its.request else { return false }
        let client = exchange.its.client
        let isSecure = client.its.isSecure || client.its.spokeTLSBefore
        var forwarding = RequestForwarding(
            clientAddress: address, scheme: isSecure ? .https : .http, requestID: requestID)
        forwarding.isTrusted = client.its.isTrusted
        forwarding.showsCertificate = client.its.hasCertificate
        forwarding.keepsUpgrade = exchange.its.wantsUpgrade
        if spans.isOn { forwarding.trace = beginTrace(of: exchange, received) }
        var space = buffer.free
        guard
            let count = writeRequest(
                requestHead, from: received.bytes, adding: certificate.bytes,
                forwarding: forwarding, into: &space)
        else { return false }
        buffer.commit(count)
        exchange.its.headBytes = count
        exchange.its.request = buffer
        return true
    }
}

extension Span where Element == UInt8 {
    @_lifetime(copy self)
    func extracting(_ range: ByteRange) -> Span<UInt8> {
        extracting(Int(range.start)..<Int(range.end))
    }
}
