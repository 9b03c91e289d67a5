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
    for bits in 0..<4 {
        var forwarding = RequestForwarding(
            clientAddress: AddressText("192.0.2.7"), scheme: .http,
            requestID: RequestID(high: 1, low: 2))
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

let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "request-head": fuzzRequestHead,
    "response-head": fuzzResponseHead,
    "chunked-body": fuzzChunkedBody,
    "path-meaning": fuzzPathMeaning,
    "websocket-frames": fuzzFrameTracker,
]
