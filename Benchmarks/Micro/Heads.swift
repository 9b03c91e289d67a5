import HTTP

// Each function is a loop of `Micro.rounds`; what it makes is used, so that nothing is left out.

func parseRequests(_ bytes: [UInt8]) {
    var head = RequestHead()
    for _ in 0..<Micro.rounds { precondition(isRead(bytes, into: &head)) }
}

func parseResponses(_ bytes: [UInt8]) {
    var head = ResponseHead()
    for _ in 0..<Micro.rounds { precondition(isRead(bytes, into: &head)) }
}

func writeRequests(_ bytes: [UInt8]) {
    var head = RequestHead()
    precondition(isRead(bytes, into: &head))
    var space = [UInt8](repeating: 0, count: 4_096)
    let address = AddressText("192.0.2.1")
    let id = RequestID(high: 1, low: 2)
    for _ in 0..<Micro.rounds {
        let forwarding = RequestForwarding(clientAddress: address, scheme: .http, requestID: id)
        var span = space.mutableSpan
        precondition(
            writeRequest(head, from: bytes.span, forwarding: forwarding, into: &span) != nil)
    }
}

func writeResponses(_ bytes: [UInt8]) {
    var head = ResponseHead()
    precondition(isRead(bytes, into: &head))
    var space = [UInt8](repeating: 0, count: 4_096)
    var forwarding = ResponseForwarding()
    forwarding.requestID = RequestID(high: 1, low: 2)
    for _ in 0..<Micro.rounds {
        var span = space.mutableSpan
        precondition(
            writeResponse(head, from: bytes.span, forwarding: forwarding, into: &span) != nil)
    }
}

@inline(__always)
private func isRead(_ bytes: [UInt8], into head: inout RequestHead) -> Bool {
    do { return try head.parse(bytes.span, limits: HeadLimits()) } catch { return false }
}

@inline(__always)
private func isRead(_ bytes: [UInt8], into head: inout ResponseHead) -> Bool {
    do { return try head.parse(bytes.span, limits: HeadLimits()) } catch { return false }
}
