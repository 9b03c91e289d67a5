internal import CNGHTTP2

/// Ends of streams and of the connection, and what is refused before libnghttp2 sees it.
extension HTTP2Session {
    /// Ends the stream at once. Nobody hears of it any more.
    public func reset(_ stream: HTTP2Stream, code: UInt32) {
        guard stream != .none else { return }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        unsafe state.pointee.records[Int(stream.index)].user = 0
        guard unsafe !state.pointee.records[Int(stream.index)].isClosed else { return }
        _ = unsafe nghttp2_submit_rst_stream(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code)
    }

    /// What still comes through the tunnel is not wanted: once this side has said all, its stream
    /// is over.
    public func endTunnel(_ stream: HTTP2Stream) {
        guard stream != .none else { return }
        let (session, id) = unsafe (
            state.pointee.session, state.pointee.records[Int(stream.index)].id
        )
        unsafe state.pointee.records[Int(stream.index)].isTunnel = false
        guard unsafe nghttp2_session_get_stream_local_close(session, id) == 1,
            unsafe nghttp2_session_get_stream_remote_close(session, id) == 0
        else { return }
        _ = unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, HTTP2Error.none)
    }

    /// Tells the other side to begin nothing new, and takes what is on its way already.
    public func announceEnd() {
        _ = unsafe nghttp2_submit_shutdown_notice(state.pointee.session)
    }

    /// Takes no new streams from now on; those that are open may end.
    public func endIntake() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(state.pointee.session)
        _ = unsafe nghttp2_submit_goaway(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, HTTP2Error.none, nil, 0)
    }

    /// Ends the connection with GOAWAY as soon as that is sent.
    public func terminate(_ code: UInt32) {
        unsafe state.pointee.isDeaf = true
        _ = unsafe nghttp2_session_terminate_session(state.pointee.session, code)
    }

    /// Asks the other side for a sign of life; any bytes that come are one.
    public func ping() {
        _ = unsafe nghttp2_submit_ping(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    /// Looks at a frame before libnghttp2 does, which lets pass what costs too much, and ignores
    /// frames on closed streams where RFC 9113 §5.1 wants an error.
    func admit(_ frame: FrameHeader) -> Bool {
        guard unsafe state.pointee.role == .server else {
            return admitFromServer(frame)
        }
        let now = unsafe state.pointee.nowMilliseconds
        guard unsafe state.pointee.guardian.admit(frame, at: now) else {
            terminate(HTTP2Error.enhanceYourCalm)
            return false
        }
        guard frame.kind == .data || frame.kind == .headers, frame.streamID & 1 == 1 else {
            return true
        }
        guard let code = errorOnClosed(frame) else { return true }
        terminate(code)
        return false
    }

    /// libnghttp2 does not look at PRIORITY, which is deprecated, but not without rules.
    func admitPriority(
        _ bytes: Span<UInt8>, _ start: Int, _ part: (count: Int, frame: FrameHeader?)
    ) -> Bool {
        let present = bytes.extracting(start..<start + part.count)
        guard
            let code = unsafe state.pointee.scanner.errorInPriority(
                present, hasHeader: part.frame != nil)
        else { return true }
        terminate(code)
        return false
    }

    /// A stream beyond what was announced is refused, or, where the client has confirmed that, an
    /// error. The refusals wait here for a client that does not read.
    private func admitOneMore() -> Bool {
        guard unsafe state.pointee.streamCount >= state.pointee.streamsMaximum else { return true }
        let now = unsafe state.pointee.nowMilliseconds
        return unsafe state.pointee.guardian.admitError(at: now)
    }

    private func admitFromServer(_ frame: FrameHeader) -> Bool {
        switch frame.kind {
        case .headers, .continuation, .settings, .ping:
            let now = unsafe state.pointee.nowMilliseconds
            guard unsafe !state.pointee.guardian.admit(frame, at: now) else { return true }
            terminate(HTTP2Error.enhanceYourCalm)
            return false
        default: return true
        }
    }

    /// The error that a frame on a stream which takes none has deserved; nil if it may pass.
    private func errorOnClosed(_ frame: FrameHeader) -> UInt32? {
        let id = frame.streamID
        guard unsafe id <= state.pointee.memory.lastOpened else {
            guard frame.kind == .headers else { return nil }
            unsafe state.pointee.memory.noteOpened(id)
            return admitOneMore() ? nil : HTTP2Error.enhanceYourCalm
        }
        switch unsafe nghttp2_session_get_stream_remote_close(state.pointee.session, id) {
        case 0: return nil
        case 1: return HTTP2Error.streamClosed
        default: break
        }
        // What weir has reset may have more on its way, which is ignored.
        if unsafe state.pointee.memory.wasReset(id) { return nil }
        let isOld = unsafe frame.kind == .data || state.pointee.memory.wasOpened(id)
        return isOld ? HTTP2Error.streamClosed : HTTP2Error.protocolError
    }
}
