internal import Balancing
internal import HTTP
internal import Transport

/// Requests that came by http to where https is spoken too.
extension Worker {
    /// Whether the request that was just parsed is sent to https. Not those by which authorities
    /// look whose a host name is (RFC 8555 §8.3): the certificate may be what is missing.
    mutating func isToBeRedirected(_ client: Ref<ClientConnection>, _ received: Buffer) -> Bool {
        guard client.its.redirectPort != 0, !requestHead.host.isEmpty,
            requestHead.method != .connect
        else { return false }
        let path = received.bytes.extracting(requestHead.path)
        return !path.begins(with: "/.well-known/acme-challenge/")
    }

    /// Where to go instead, in `assembly`; nil: it does not fit.
    mutating func writeRedirect(_ exchange: Ref<Exchange>, _ received: Buffer) -> Buffer? {
        let client = exchange.its.client
        // What follows of a body is not read.
        if !exchange.its.requestBody.isComplete {
            client.its.closesAfterResponse = true
            client.its.mayStillSend = true
        }
        if isDraining { client.its.closesAfterResponse = true }
        var out = assembly
        out.clear()
        var space = out.free
        let bytes = received.bytes
        let query = requestHead.query
        let target =
            requestHead.path.isEmpty
            ? query
            : ByteRange(
                start: requestHead.path.start, end: max(requestHead.path.end, query.end))
        let count = writeRedirectToHTTPS(
            host: bytes.extracting(requestHead.host), port: client.its.redirectPort,
            target: bytes.extracting(target), requestID: exchange.its.requestID,
            closes: client.its.closesAfterResponse, into: &space)
        guard let count else { return nil }
        out.commit(count)
        return out
    }

    /// Answers the exchange, and is done with it.
    mutating func send(_ redirect: Buffer, endOf exchange: Ref<Exchange>) {
        let client = exchange.its.client
        exchange.its.status = 308
        exchange.its.bytesToClient += UInt64(redirect.count)
        if sendOwn(redirect, to: client) != nil { return clientGone(client) }
        endExchange(exchange)
        continueClient(client)
    }
}

extension Span where Element == UInt8 {
    fileprivate func begins(with text: String) -> Bool {
        guard count >= text.utf8.count else { return false }
        var index = 0
        for byte in text.utf8 {
            if self[index] != byte { return false }
            index += 1
        }
        return true
    }
}
