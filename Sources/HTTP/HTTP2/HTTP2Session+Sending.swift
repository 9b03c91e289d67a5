internal import CNGHTTP2

/// Heads and bodies on their way out.
extension HTTP2Session {
    /// How a message goes on behind its head.
    public enum Body: Sendable, BitwiseCopyable {
        /// Not at all.
        case none
        /// With what is offered.
        case offered
    }

    /// Sends the head of a final response, or of the agreement to a tunnel (101).
    ///
    /// - Parameter text: a response head of HTTP/1.1, written by weir.
    /// - Returns: false if the stream is gone or the head has too many fields.
    public func respond(_ stream: HTTP2Stream, _ text: Span<UInt8>, body: Body) -> Bool {
        guard stream != .none else { return false }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        var list = unsafe FieldList(state.pointee.fields)
        let isTunnel = list.addResponse(text)
        guard !list.overflows else { return false }
        unsafe state.pointee.records[Int(stream.index)].isTunnel = isTunnel
        var provider = unsafe SessionCallbacks.provider(stream.index)
        return unsafe withUnsafePointer(to: &provider) { provider in
            unsafe nghttp2_submit_response(
                state.pointee.session, id, list.start, list.fieldCount,
                body == .offered ? provider : nil) == 0
        }
    }

    /// Sends the head of an interim response (RFC 9110 §15.2).
    public func respondInterim(_ stream: HTTP2Stream, _ text: Span<UInt8>) -> Bool {
        guard stream != .none else { return false }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        var list = unsafe FieldList(state.pointee.fields)
        list.addResponse(text)
        guard !list.overflows else { return false }
        return unsafe nghttp2_submit_headers(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, list.start,
            list.fieldCount, nil) == 0
    }

    /// What becomes of the upgrade that a request may ask for.
    public enum Upgrade: Sendable, BitwiseCopyable {
        /// It is asked for, by extended CONNECT (RFC 8441).
        case passed
        /// The request is served as if it did not ask (RFC 9110 §7.8).
        case ignored
    }

    /// Begins a stream with the head of a request.
    ///
    /// - Parameter text: a request head of HTTP/1.1 in origin form, written by weir.
    /// - Returns: `none` if the session takes no more, or the head has too many fields.
    public func request(
        _ text: Span<UInt8>, scheme: RequestForwarding.Scheme, body: Body,
        upgrade: Upgrade = .passed, user: UInt64
    ) -> HTTP2Stream {
        guard !hasGoneAway else { return .none }
        var list = unsafe FieldList(state.pointee.fields)
        let isTunnel = list.addRequest(text, scheme: scheme, upgrade)
        guard !list.overflows else { return .none }
        let index = unsafe state.pointee.makeRecord(id: 0)
        let takesBody = body == .offered || isTunnel
        var provider = unsafe SessionCallbacks.provider(index)
        let id = unsafe withUnsafePointer(to: &provider) { provider in
            unsafe nghttp2_submit_request(
                state.pointee.session, nil, list.start, list.fieldCount,
                takesBody ? provider : nil, SessionCallbacks.number(index))
        }
        guard id > 0 else {
            unsafe state.pointee.freeRecord(index)
            return .none
        }
        unsafe state.pointee.records[Int(index)].id = id
        unsafe state.pointee.records[Int(index)].user = user
        unsafe state.pointee.records[Int(index)].isTunnel = isTunnel
        unsafe state.pointee.records[Int(index)].isHEAD = text.beginsWithHEAD
        if isTunnel, !list.webSocketKey.isEmpty {
            unsafe state.pointee.records[Int(index)].accept = WebSocketAccept(
                key: text.extracting(list.webSocketKey))
        }
        return HTTP2Stream(index: index)
    }

    /// That many more bytes of the body can be sent.
    public func offer(_ stream: HTTP2Stream, _ count: Int) {
        guard stream != .none, count > 0 else { return }
        unsafe state.pointee.records[Int(stream.index)].available += count
        resume(stream)
    }

    /// The body is over.
    public func end(_ stream: HTTP2Stream) {
        guard stream != .none else { return }
        unsafe state.pointee.records[Int(stream.index)].ends = true
        resume(stream)
    }

    /// The same, with the lines of a trailer section, which may be none.
    public func end(_ stream: HTTP2Stream, trailers lines: Span<UInt8>) {
        guard stream != .none else { return }
        if lines.count > 0 {
            var text = TextMemory(capacity: lines.count)
            text.append(lines)
            unsafe state.pointee.records[Int(stream.index)].trailers = text
        }
        end(stream)
    }

    private func resume(_ stream: HTTP2Stream) {
        guard unsafe state.pointee.records[Int(stream.index)].isDeferred else { return }
        unsafe state.pointee.records[Int(stream.index)].isDeferred = false
        let id = unsafe state.pointee.records[Int(stream.index)].id
        _ = unsafe nghttp2_session_resume_data(state.pointee.session, id)
    }

    /// The most that `nextOutput` writes.
    public static let outputBytesMaximum = 16_384 + FrameHeader.byteCount

    /// Writes what is to be sent next to the front of `space`, which has room for it.
    public func nextOutput(into space: inout MutableSpan<UInt8>) -> HTTP2Output {
        unsafe state.pointee.hasFrame = false
        var bytes: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(state.pointee.session, &bytes)
        if unsafe state.pointee.hasFrame {
            let header = unsafe state.pointee.frameHeader
            space.copy(header.span, 0, FrameHeader.byteCount, to: 0)
            return unsafe .data(
                FrameHeader.byteCount, user: state.pointee.frameUser,
                count: state.pointee.frameBytes)
        }
        guard count > 0, let bytes = unsafe bytes else { return .nothing }
        let span = unsafe Span(_unsafeStart: bytes, count: count)
        space.copy(span, 0, count, to: 0)
        return .bytes(count)
    }
}

extension FieldList {
    /// The status line and the fields of a response; an agreement to an upgrade is a 200 in HTTP/2.
    ///
    /// - Returns: whether it is one.
    @discardableResult
    mutating func addResponse(_ text: Span<UInt8>) -> Bool {
        let isUpgrade = text.count > 11 && text[9] == 0x31 && text[10] == 0x30 && text[11] == 0x31
        addLines(of: text, from: text.firstLineEnd + 2, isUpgrade: isUpgrade)
        if isUpgrade {
            prepend(":status", "200")
        } else {
            prepend(":status", text.extracting(9..<12))
        }
        return isUpgrade
    }

    /// The request line and the fields of a request.
    ///
    /// - Returns: whether it asks for another protocol on its stream.
    mutating func addRequest(
        _ text: Span<UInt8>, scheme: RequestForwarding.Scheme, _ upgrade: HTTP2Session.Upgrade
    ) -> Bool {
        let lineEnd = text.firstLineEnd
        let isUpgrade = upgrade == .passed && text.upgradeLine(from: lineEnd + 2)
        addLines(of: text, from: lineEnd + 2, isUpgrade: isUpgrade)
        let methodEnd = text.endOfToken(from: 0)
        let target = methodEnd + 1..<lineEnd - 9
        if isUpgrade { prepend(":protocol", text.extracting(proto)) }
        prepend(":path", text.extracting(target))
        if !host.isEmpty { prepend(":authority", text.extracting(host)) }
        switch scheme {
        case .http: prepend(":scheme", "http")
        case .https: prepend(":scheme", "https")
        }
        if isUpgrade {
            prepend(":method", "CONNECT")
        } else {
            prepend(":method", text.extracting(0..<methodEnd))
        }
        return isUpgrade
    }
}

extension Span where Element == UInt8 {
    fileprivate var beginsWithHEAD: Bool { count > 5 && word(at: 0, count: 5) == packed("HEAD ") }

    /// Whether one of the field lines is Upgrade; weir passes it on only where it is meant.
    fileprivate func upgradeLine(from start: Int) -> Bool {
        var index = start
        while index < count, self[index] != .carriageReturn {
            let nameEnd = endOfToken(from: index)
            if FieldName(self, index, nameEnd) == .upgrade { return true }
            index = endOfText(from: nameEnd) + 2
        }
        return false
    }
}
