internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// Answers that weir gives itself, each with its reason.
extension Worker {
    /// The request could not be understood: answer and close, whatever else it contains.
    mutating func reject(_ client: Ref<ClientConnection>, _ error: HTTPError) {
        counters.listeners.add(
            1, row: client.its.listenerRow, column: ListenerColumn.malformed.rawValue)
        refuse(
            client, status: error.status, proxyError: "http_request_error", details: error.reason)
    }

    /// There is no exchange yet: answer and close.
    mutating func answerWithoutExchange(_ client: Ref<ClientConnection>, _ reason: FailureReason) {
        refuse(
            client, status: reason.status, proxyError: reason.proxyError,
            details: reason.word.description)
    }

    private mutating func refuse(
        _ client: Ref<ClientConnection>, status: Int, proxyError: StaticString, details: String
    ) {
        let requestID = RequestID(high: random.next(), low: random.next())
        var answer = OwnAnswer(status: status, error: proxyError, details: details)
        answer.requestID = requestID
        answer.closes = true
        answer.hstsSeconds = client.its.hstsSeconds
        client.its.mayStillSend = true
        send(answer, to: client)
        guard client.its.isOpen else { return }
        logRefusal(client, status: status, details: details, requestID: requestID)
        beginClosing(client)
    }

    /// The same for a connection that the caller closes at once.
    mutating func sayWhy(_ reason: FailureReason, to client: Ref<ClientConnection>) {
        let requestID = RequestID(high: random.next(), low: random.next())
        var answer = OwnAnswer(
            status: reason.status, error: reason.proxyError, details: reason.word.description)
        answer.requestID = requestID
        answer.closes = true
        answer.retryAfterSeconds = 1
        send(answer, to: client)
        logRefusal(
            client, status: reason.status, details: reason.word.description, requestID: requestID)
    }

    /// Answers the exchange with its failure and ends it.
    mutating func answer(_ exchange: Ref<Exchange>, _ reason: FailureReason) {
        let client = exchange.its.client
        var answer = OwnAnswer(
            status: reason.status, error: reason.proxyError, details: reason.word.description)
        answer.requestID = exchange.its.requestID
        // A body that is still to come cannot be told from the next request.
        if !exchange.its.requestBody.isComplete {
            client.its.closesAfterResponse = true
            client.its.mayStillSend = true
        }
        if isDraining { client.its.closesAfterResponse = true }
        answer.closes = client.its.closesAfterResponse
        answer.hstsSeconds = client.its.hstsSeconds
        answer.isForHEAD = exchange.its.method == .head
        answer.retryAfterSeconds =
            reason == .rateLimited || reason == .circuitOpen
            ? retryAfterSeconds : reason.status == 503 ? 1 : nil
        if exchange.its.isCall { answer.grpcStatus = reason.grpcStatus }
        exchange.its.status = reason.status
        exchange.its.failure = reason
        send(answer, to: client)
        guard client.its.isOpen, exchange.its.isOpen else { return }
        endExchange(exchange)
        continueClient(client)
    }

    private mutating func send(_ answer: OwnAnswer, to client: Ref<ClientConnection>) {
        var answer = answer
        answer.page = errorPage(for: answer.status, to: client)
        var space = assembly
        space.clear()
        var free = space.free
        guard let count = answer.write(into: &free) else { return closeClient(client) }
        space.commit(count)
        if sendOwn(space, to: client) != nil { clientGone(client) }
    }

    /// What the client's listener shows for it, if anything.
    private mutating func errorPage(
        for status: Int, to client: Ref<ClientConnection>
    ) -> OwnAnswer.Page? {
        let row = client.its.listenerRow
        let listener = snapshot.listeners.first { $0.row == row }
        guard let page = listener?.errorPages?.page(for: status) else { return nil }
        return OwnAnswer.Page(contentType: page.contentType, bytes: page.bytes)
    }

    /// A whole response, as HTTP/1.1 has it.
    mutating func sendOwn(_ text: Buffer, to client: Ref<ClientConnection>) -> SendFailure? {
        client.isStream
            ? sendWhole(text, to: client)
            : client.its.output.send(text.bytes, to: client.its.wire, store: &store)
    }
}
