import HTTP

/// The lines of a head with their line ends and the blank line.
func head(_ lines: String...) -> String { lines.joined(separator: "\r\n") + "\r\n\r\n" }

/// A request head as text, for comparison.
struct ReadRequest: Equatable {
    var byteCount = 0
    var method = Method.get
    var target = ""
    var path = ""
    var query = ""
    var host = ""
    var authority = ""
    var minorVersion: UInt8 = 1
    var framing = BodyFraming.none
    var keepsAlive = true
    var expectsContinue = false
    var wantsUpgrade = false
    var acceptsTrailers = false
    var fields: [String] = []

    init(_ head: borrowing RequestHead, from bytes: [UInt8]) {
        byteCount = head.byteCount
        method = head.method
        target = text(head.target, of: bytes)
        path = text(head.path, of: bytes)
        query = text(head.query, of: bytes)
        host = text(head.host, of: bytes)
        authority = text(head.authority, of: bytes)
        minorVersion = head.minorVersion
        framing = head.framing
        keepsAlive = head.keepsAlive
        expectsContinue = head.expectsContinue
        wantsUpgrade = head.wantsUpgrade
        acceptsTrailers = head.acceptsTrailers
        fields = fieldTexts(head.fields, of: bytes)
    }
}

/// A response head as text, for comparison.
struct ReadResponse: Equatable {
    var byteCount = 0
    var status = 0
    var reason = ""
    var minorVersion: UInt8 = 1
    var framing = BodyFraming.none
    var keepsAlive = true
    var idleSeconds = -1
    var fields: [String] = []

    init(_ head: inout ResponseHead, from bytes: [UInt8], answering method: Method) {
        byteCount = head.byteCount
        status = head.status
        reason = text(head.reason, of: bytes)
        minorVersion = head.minorVersion
        framing = head.framing(answering: method)
        keepsAlive = head.keepsAlive
        idleSeconds = head.idleSeconds
        fields = fieldTexts(head.fields, of: bytes)
    }
}

func text(_ range: ByteRange, of bytes: [UInt8]) -> String {
    String(decoding: bytes[range.indices], as: UTF8.self)
}

/// Each field line as "name=value".
func fieldTexts(_ fields: borrowing Fields, of bytes: [UInt8]) -> [String] {
    var texts: [String] = []
    for index in 0..<fields.count {
        let field = fields[index]
        texts.append(text(field.name, of: bytes) + "=" + text(field.value, of: bytes))
    }
    return texts
}

/// Nil when the head is not complete.
func readRequest(
    _ bytes: [UInt8], limits: HeadLimits = HeadLimits()
) throws(HTTPError) -> ReadRequest? {
    var head = RequestHead()
    return try head.parse(bytes.span, limits: limits) ? ReadRequest(head, from: bytes) : nil
}

func readRequest(
    _ text: String, limits: HeadLimits = HeadLimits()
) throws(HTTPError) -> ReadRequest? {
    try readRequest(Array(text.utf8), limits: limits)
}

func readResponse(
    _ text: String, answering method: Method = .get, limits: HeadLimits = HeadLimits()
) throws(HTTPError) -> ReadResponse? {
    var head = ResponseHead()
    let bytes = Array(text.utf8)
    guard try head.parse(bytes.span, limits: limits) else { return nil }
    return ReadResponse(&head, from: bytes, answering: method)
}

/// What a `RequestForwarding` is made of.
struct Forwarding {
    var address: String
    var scheme = RequestForwarding.Scheme.http
    var id: RequestID
    var isTrusted = false
    var keepsUpgrade = false
    var addsVia = false
    var trace = TraceForwarding.unchanged

    /// Writes a request that was parsed from `bytes` as a worker does.
    func write(
        _ head: borrowing RequestHead, from bytes: Span<UInt8>, into span: inout MutableSpan<UInt8>
    ) -> Int? {
        let address = AddressText(address)
        let id = isTrusted ? RequestID(of: head, from: bytes) ?? id : id
        var forwarding = RequestForwarding(clientAddress: address, scheme: scheme, requestID: id)
        forwarding.isTrusted = isTrusted
        forwarding.keepsUpgrade = keepsUpgrade
        forwarding.addsVia = addsVia
        forwarding.trace = trace
        return writeRequest(head, from: bytes, forwarding: forwarding, into: &span)
    }
}

/// The request as the upstream gets it.
func forwarded(_ request: String, _ forwarding: Forwarding) throws -> String? {
    var head = RequestHead()
    let bytes = Array(request.utf8)
    guard try head.parse(bytes.span, limits: HeadLimits()) else { return nil }
    var space = [UInt8](repeating: 0, count: 8_192)
    var span = space.mutableSpan
    guard
        let count = forwarding.write(head, from: bytes.span, into: &span)
    else { return nil }
    return String(decoding: space[..<count], as: UTF8.self)
}

/// The response as the client gets it.
func forwarded(_ response: String, _ forwarding: ResponseForwarding) throws -> String? {
    var head = ResponseHead()
    let bytes = Array(response.utf8)
    guard try head.parse(bytes.span, limits: HeadLimits()) else { return nil }
    var space = [UInt8](repeating: 0, count: 8_192)
    var span = space.mutableSpan
    guard
        let count = writeResponse(head, from: bytes.span, forwarding: forwarding, into: &span)
    else { return nil }
    return String(decoding: space[..<count], as: UTF8.self)
}

/// A seeded source of random numbers, so that a failure can be played again.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
