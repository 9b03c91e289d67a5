// Compiled into the module HTTP itself by Tests/Fuzz/run, which says what each target promises.

private let limits = HeadLimits()

private func isError(_ error: HTTPError) -> Bool { (400...505).contains(error.status) }

/// Whatever is accepted is written so that the replica reads the same request out of it.
@Sendable private func fuzzRequestHead(_ bytes: [UInt8]) {
    var head = RequestHead()
    do throws(HTTPError) {
        guard try head.parse(bytes.span, limits: limits) else { return }
    } catch {
        if !isError(error) { broken("an error has a status: \(error)") }
        return
    }
    checkPrefixes(of: bytes, upTo: head.byteCount)
    var space = [UInt8](repeating: 0, count: bytes.count + 8_192)
    let address = AddressText("192.0.2.7")
    let id = RequestID(high: 1, low: 2)
    for bits in 0..<4 {
        var forwarding = RequestForwarding(clientAddress: address, scheme: .http, requestID: id)
        forwarding.isTrusted = bits & 1 != 0
        forwarding.keepsUpgrade = bits & 2 != 0
        var span = space.mutableSpan
        guard head.method != .connect,
            let count = writeRequest(
                head, from: bytes.span, forwarding: forwarding, into: &span)
        else { continue }
        checkWritten(Array(space[..<count]), head)
    }
}

/// No part of a head is taken for a whole one.
private func checkPrefixes(of bytes: [UInt8], upTo end: Int) {
    var part = RequestHead()
    for cut in stride(from: 0, to: end, by: max(1, end / 16)) {
        do throws(HTTPError) {
            if try part.parse(bytes.span.extracting(first: cut), limits: limits) {
                broken("a part of a head is not whole")
            }
        } catch { broken("a part of a good head is not wrong: \(error)") }
    }
}

private func checkWritten(_ written: [UInt8], _ head: borrowing RequestHead) {
    var again = RequestHead()
    do throws(HTTPError) {
        guard try again.parse(written.span, limits: HeadLimits(headBytesMaximum: 65_535)),
            again.byteCount == written.count
        else { broken("what is written is one whole head") }
    } catch { broken("what is written is right: \(error)") }
    if again.framing != head.framing { broken("the framing stays") }
    if again.method != head.method { broken("the method stays") }
    if again.host.count != head.host.count { broken("the host stays") }
}

/// Whatever is accepted is written so that the client reads the same response out of it.
@Sendable private func fuzzResponseHead(_ bytes: [UInt8]) {
    var head = ResponseHead()
    do throws(HTTPError) {
        guard try head.parse(bytes.span, limits: limits) else { return }
    } catch {
        if !isError(error) { broken("an error has a status: \(error)") }
        return
    }
    var space = [UInt8](repeating: 0, count: bytes.count + 8_192)
    var span = space.mutableSpan
    guard
        let count = writeResponse(
            head, from: bytes.span, forwarding: ResponseForwarding(), into: &span)
    else { return }
    var again = ResponseHead()
    do throws(HTTPError) {
        let written = space.span.extracting(first: count)
        guard try again.parse(written, limits: HeadLimits(headBytesMaximum: 65_535)),
            again.byteCount == count
        else { broken("what is written is one whole head") }
    } catch { broken("what is written is right: \(error)") }
    if again.status != head.status { broken("the status stays") }
    if again.framing(answering: .get) != head.framing(answering: .get) {
        broken("the framing stays")
    }
}

/// The first byte cuts the body in two: the pieces give what the whole gives.
@Sendable private func fuzzChunkedBody(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let body = Array(bytes.dropFirst())
    let cut = body.isEmpty ? 0 : Int(first) % (body.count + 1)
    for output in [ChunkedFilter.Output.framed, .data] {
        let whole = filtered([body], output)
        let pieces = filtered([Array(body[..<cut]), Array(body[cut...])], output)
        if whole != pieces { broken("a body is the same in pieces") }
        guard output == .framed, let whole, whole.isComplete else { continue }
        let again = filtered([whole.kept], .framed)
        if again?.kept != whole.kept || again?.isComplete != true {
            broken("a body that was passed on is passed on as it is")
        }
    }
}

private struct Filtered: Equatable {
    var kept: [UInt8] = []
    var consumed = 0
    var isComplete = false
}

/// nil where the body is refused.
private func filtered(_ pieces: [[UInt8]], _ output: ChunkedFilter.Output) -> Filtered? {
    var filter = ChunkedFilter(output: output)
    var result = Filtered()
    for piece in pieces {
        var bytes = piece
        var span = bytes.mutableSpan
        do throws(HTTPError) {
            let taken = try filter.process(&span)
            result.kept += bytes[..<taken.kept]
            result.consumed += taken.consumed
        } catch { return nil }
    }
    result.isComplete = filter.isComplete
    return result
}

/// What a path means has nothing to read in it any more, but percent signs that were encoded.
@Sendable private func fuzzPathMeaning(_ bytes: [UInt8]) {
    let path = [UInt8(ascii: "/")] + bytes
    var space = path
    var span = space.mutableSpan
    do throws(HTTPError) {
        let count = try PathMeaning.read(path.span, into: &span)
        let meaning = Array(space[..<count])
        if meaning.first != UInt8(ascii: "/") { broken("a path begins with a slash") }
        let segments = meaning.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.contains(Array("..".utf8)[...]) || segments.contains(Array(".".utf8)[...]) {
            broken("no dot segment is left")
        }
    } catch { return }
}

/// The first byte cuts the frames in two: the tracker ends in the same place.
@Sendable private func fuzzFrameTracker(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let frames = Array(bytes.dropFirst())
    let cut = frames.isEmpty ? 0 : Int(first) % (frames.count + 1)
    var whole = FrameTracker()
    whole.follow(frames.span)
    var pieces = FrameTracker()
    pieces.follow(frames.span.extracting(first: cut))
    pieces.follow(frames.span, from: cut)
    if whole.isBetweenFrames != pieces.isBetweenFrames || whole.hasClosed != pieces.hasClosed {
        broken("frames are the same in pieces")
    }
}

/// What a session told of some bytes.
private struct SessionReport: Equatable {
    var heads: [[UInt8]] = []
    var bodies: [UInt64: [UInt8]] = [:]
    var closed: [UInt64: UInt32] = [:]
    var isOver = false
}

/// Runs bytes through a session, in pieces, and sends what it wants sent.
private func run(
    _ session: HTTP2Session, _ pieces: [[UInt8]], attachesFrom first: UInt64
) -> SessionReport {
    var report = SessionReport()
    var next = first
    var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
    for piece in pieces {
        var start = 0
        while start < piece.count {
            let came = session.receive(piece.span.extracting(start...), atMilliseconds: 1_000)
            if came.consumed == 0 { broken("a session takes what it is given") }
            switch came.event {
            case .request(let stream, _):
                report.heads.append(copy(session.head))
                session.attach(stream, user: next)
                next += 1
            case .response: report.heads.append(copy(session.head))
            case .data(let user, let range, _):
                let bytes = piece[start + range.lowerBound..<start + range.upperBound]
                report.bodies[user, default: []] += bytes
            default: break
            }
            start += came.consumed
            while let over = session.nextClosed() { report.closed[over.user] = over.code }
        }
        sending: while true {
            var span = space.mutableSpan
            if case .nothing = session.nextOutput(into: &span) { break sending }
        }
        while let over = session.nextClosed() { report.closed[over.user] = over.code }
    }
    report.isOver = session.isOver
    return report
}

private func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

/// What a client sends comes to the same in pieces, and each head is one head of HTTP/1.1 that the
/// parser takes whole or refuses: nothing is hidden in it.
@Sendable private func fuzzHTTP2Server(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let frames = Array(bytes.dropFirst())
    let cut = frames.isEmpty ? 0 : Int(first) % (frames.count + 1)
    let whole = serve([preface + frames])
    let pieces = serve([preface + frames[..<cut], Array(frames[cut...])])
    if whole.heads != pieces.heads || whole.bodies != pieces.bodies {
        broken("what a client sends is the same in pieces")
    }
    var head = RequestHead()
    for text in whole.heads {
        do throws(HTTPError) {
            let limits = HeadLimits(headBytesMaximum: 65_535)
            guard try head.parse(text.span, limits: limits) else { broken("a head is whole") }
            if head.byteCount != text.count { broken("nothing follows a head in its text") }
        } catch { continue }
    }
}

private func serve(_ pieces: [[UInt8]]) -> SessionReport {
    guard let session = HTTP2Session.server(HTTP2Settings(), keyBits: 7) else {
        fatalError("no memory")
    }
    defer { session.close() }
    return run(session, pieces, attachesFrom: 1)
}

/// The same of what a replica sends to one that has asked twice.
@Sendable private func fuzzHTTP2Client(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let frames = Array(bytes.dropFirst())
    let cut = frames.isEmpty ? 0 : Int(first) % (frames.count + 1)
    let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    let whole = ask([settings + frames])
    let pieces = ask([settings + frames[..<cut], Array(frames[cut...])])
    if whole.heads != pieces.heads || whole.bodies != pieces.bodies {
        broken("what a replica sends is the same in pieces")
    }
    var head = ResponseHead()
    for text in whole.heads {
        do throws(HTTPError) {
            let limits = HeadLimits(headBytesMaximum: 65_535)
            guard try head.parse(text.span, limits: limits) else { broken("a head is whole") }
            if head.byteCount != text.count { broken("nothing follows a head in its text") }
        } catch { continue }
    }
}

private func ask(_ pieces: [[UInt8]]) -> SessionReport {
    guard let session = HTTP2Session.client(HTTP2Settings(), keyBits: 7) else {
        fatalError("no memory")
    }
    defer { session.close() }
    let request = Array("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".utf8)
    for user in UInt64(1)...2 {
        let stream = session.request(request.span, scheme: .http, body: .none, user: user)
        if stream == .none { broken("a new session takes requests") }
    }
    var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
    while true {
        var span = space.mutableSpan
        if case .nothing = session.nextOutput(into: &span) { break }
    }
    return run(session, pieces, attachesFrom: 3)
}

let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "request-head": fuzzRequestHead,
    "response-head": fuzzResponseHead,
    "chunked-body": fuzzChunkedBody,
    "path-meaning": fuzzPathMeaning,
    "websocket-frames": fuzzFrameTracker,
    "http2-server": fuzzHTTP2Server,
    "http2-client": fuzzHTTP2Client,
]
