internal import CNGHTTP2

/// What happens while libnghttp2 works, written down for `receive` and `nextOutput` to tell.
extension SessionCallbacks {
    static func beginHeaders(_ state: State, _ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let id = unsafe frame.pointee.hd.stream_id
        let category = unsafe frame.pointee.headers.cat
        guard unsafe state.pointee.role == .server else {
            // Which of them it is, response or trailers, its first field tells.
            unsafe state.pointee.section.begin(.response)
            return 0
        }
        guard category == NGHTTP2_HCAT_REQUEST else {
            unsafe state.pointee.section.begin(.trailers)
            return 0
        }
        unsafe state.pointee.section.begin(.request)
        let index = unsafe state.pointee.makeRecord(id: id)
        unsafe nghttp2_session_set_stream_user_data(state.pointee.session, id, number(index))
        return 0
    }

    /// The field makes the message malformed (RFC 9113 §8.1.1).
    static func refuse(_ state: State, _ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        unsafe nghttp2_submit_rst_stream(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), frame.pointee.hd.stream_id,
            HTTP2Error.protocolError)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }

    /// A list that is far too large is not read to its end.
    static func judgeSize(_ state: State) -> Int32 {
        guard unsafe state.pointee.section.isFlood else { return 0 }
        unsafe state.pointee.isDeaf = true
        unsafe nghttp2_session_terminate_session(
            state.pointee.session, HTTP2Error.enhanceYourCalm)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }

    static func dataCame(
        _ state: State, _ id: Int32, _ data: UnsafePointer<UInt8>, _ count: Int
    ) {
        if let index = unsafe record(state, id),
            unsafe state.pointee.records[Int(index)].announced > 0
        {
            unsafe state.pointee.records[Int(index)].announced -= count
        }
        let session = unsafe state.pointee.session
        if unsafe state.pointee.role == .client {
            _ = unsafe nghttp2_session_consume_connection(session, count)
        }
        guard let index = unsafe record(state, id), let input = unsafe state.pointee.input,
            unsafe state.pointee.records[Int(index)].user != 0
        else {
            if unsafe state.pointee.role == .client {
                _ = unsafe nghttp2_session_consume_stream(session, id, count)
            } else {
                _ = unsafe nghttp2_session_consume(session, id, count)
            }
            return
        }
        let start = unsafe data - input
        let user = unsafe state.pointee.records[Int(index)].user
        unsafe state.pointee.event = .data(user: user, start..<start + count, ends: false)
    }

    static func frameCame(_ state: State, _ frame: UnsafePointer<nghttp2_frame>) {
        let ends = unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let id = unsafe frame.pointee.hd.stream_id
        switch unsafe nghttp2_frame_type(UInt32(frame.pointee.hd.type)) {
        case NGHTTP2_DATA where ends:
            guard let index = unsafe record(state, id) else { return }
            unsafe endData(state, index)
        case NGHTTP2_HEADERS:
            guard let index = unsafe record(state, id) else { return }
            unsafe headersCame(state, index, ends: ends)
        case NGHTTP2_SETTINGS:
            if unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
                unsafe state.pointee.hasSettings = true
                unsafe state.pointee.event = .settings
            }
        case NGHTTP2_GOAWAY:
            unsafe state.pointee.hasGoneAway = true
            unsafe state.pointee.event = .goingAway
        default: break
        }
    }

    private static func endData(_ state: State, _ index: Int32) {
        let user = unsafe state.pointee.records[Int(index)].user
        guard user != 0 else { return }
        if case .data(_, let range, _) = unsafe state.pointee.event {
            unsafe state.pointee.event = .data(user: user, range, ends: true)
        } else {
            unsafe state.pointee.event = .data(user: user, 0..<0, ends: true)
        }
    }

    private static func headersCame(_ state: State, _ index: Int32, ends: Bool) {
        if unsafe state.pointee.section.kind == .request {
            return unsafe requestCame(state, index, ends: ends)
        }
        let user = unsafe state.pointee.records[Int(index)].user
        guard user != 0 else { return }
        guard unsafe state.pointee.section.hasStatus else {
            unsafe state.pointee.event = .trailers(user: user)
            return
        }
        guard unsafe !state.pointee.section.isTooLarge else {
            unsafe state.pointee.event = .largeResponse(user: user)
            return
        }
        unsafe finishResponse(state, index, ends: ends)
        unsafe state.pointee.event = .response(user: user, ends: ends)
    }

    private static func requestCame(_ state: State, _ index: Int32, ends: Bool) {
        let stream = HTTP2Stream(index: index)
        unsafe state.pointee.records[Int(index)].announced = state.pointee.section.announced
        guard unsafe !state.pointee.section.isTooLarge else {
            unsafe state.pointee.event = .largeRequest(stream, ends: ends)
            return
        }
        unsafe state.pointee.keyCount &+= 0x9e37_79b9_7f4a_7c15
        let key = unsafe WebSocketKey(
            high: state.pointee.keyBits ^ state.pointee.keyCount,
            low: state.pointee.keyBits &* 0xbf58_476d_1ce4_e5b9 &+ state.pointee.keyCount)
        unsafe state.pointee.section.finishRequest(ends: ends, webSocketKey: key.span)
        unsafe state.pointee.event = .request(stream, ends: ends)
    }

    private static func finishResponse(_ state: State, _ index: Int32, ends: Bool) {
        let record = unsafe state.pointee.records[Int(index)]
        let isAgreement = unsafe record.isTunnel && state.pointee.section.status / 100 == 2
        if isAgreement {
            let accept = record.accept ?? WebSocketAccept(key: Span())
            unsafe state.pointee.section.finishTunnelResponse(accept: accept.span)
        } else {
            unsafe state.pointee.section.finishResponse(isEmpty: ends && !record.isHEAD)
        }
    }

    static func frameWent(_ state: State, _ frame: UnsafePointer<nghttp2_frame>) {
        let id = unsafe frame.pointee.hd.stream_id
        let kind = unsafe nghttp2_frame_type(UInt32(frame.pointee.hd.type))
        guard unsafe state.pointee.role == .server else {
            if kind == NGHTTP2_RST_STREAM, let index = unsafe record(state, id) {
                unsafe state.pointee.records[Int(index)].isResetHere = true
            }
            return
        }
        if kind == NGHTTP2_RST_STREAM {
            unsafe state.pointee.memory.noteReset(id)
            unsafe noteError(state, frame.pointee.rst_stream.error_code)
        }
        guard kind == NGHTTP2_DATA || kind == NGHTTP2_HEADERS,
            unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        else { return }
        // An answer that came before the end of its request: the rest is not wanted
        // (RFC 9113 §8.1). Where only the word for the end is missing, it will come; and what comes
        // through a tunnel is no request.
        if unsafe nghttp2_session_get_stream_remote_close(state.pointee.session, id) == 0 {
            if let index = unsafe record(state, id),
                unsafe state.pointee.records[Int(index)].announced == 0
                    || state.pointee.records[Int(index)].isTunnel
            {
                return
            }
            unsafe nghttp2_submit_rst_stream(
                state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, HTTP2Error.none)
        } else {
            unsafe state.pointee.guardian.noteAnswered()
        }
    }

    /// A message that has lost its head or its trailers cannot go on. For a request that was to
    /// begin a stream, libnghttp2 ends the stream itself.
    static func frameStayed(_ state: State, _ frame: UnsafePointer<nghttp2_frame>) {
        guard unsafe nghttp2_frame_type(UInt32(frame.pointee.hd.type)) == NGHTTP2_HEADERS,
            unsafe frame.pointee.headers.cat != NGHTTP2_HCAT_REQUEST
        else { return }
        unsafe nghttp2_submit_rst_stream(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), frame.pointee.hd.stream_id,
            HTTP2Error.internalError)
    }

    /// Resets that a client provokes cost as much as those that it sends.
    private static func noteError(_ state: State, _ code: UInt32) {
        guard code == HTTP2Error.protocolError || code == 3 || code == HTTP2Error.streamClosed
        else { return }
        let now = unsafe state.pointee.nowMilliseconds
        guard unsafe !state.pointee.guardian.admitError(at: now) else { return }
        unsafe state.pointee.isDeaf = true
        unsafe nghttp2_session_terminate_session(
            state.pointee.session, HTTP2Error.enhanceYourCalm)
    }

    /// How much of a body can be sent now; libnghttp2 makes the frame's header only.
    static func readBody(
        _ state: State, _ index: Int, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let available = unsafe state.pointee.records[index].available
        let ends = unsafe state.pointee.records[index].ends
        guard available > 0 || ends else {
            unsafe state.pointee.records[index].isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let count = min(available, limit)
        if count > 0 { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
        guard ends, count == available else { return count }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if let trailers = unsafe state.pointee.records[index].trailers {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            unsafe submit(trailers, state, state.pointee.records[index].id)
        }
        return count
    }

    private static func submit(_ trailers: TextMemory, _ state: State, _ id: Int32) {
        // Their number is limited by their bytes only: many are put together somewhere else.
        let own = unsafe FieldList.space(for: trailers.span)
        defer { unsafe own?.deallocate() }
        var list = unsafe FieldList(own ?? state.pointee.fields)
        list.addLines(of: trailers.span, from: 0, isUpgrade: false)
        _ = unsafe nghttp2_submit_trailer(
            state.pointee.session, id, list.start, list.fieldCount)
    }

    static func noteFrame(_ state: State, _ index: Int, _ header: Span<UInt8>, _ count: Int) {
        for offset in 0..<9 { unsafe state.pointee.frameHeader[offset] = header[offset] }
        unsafe state.pointee.frameUser = state.pointee.records[index].user
        unsafe state.pointee.frameBytes = count
        unsafe state.pointee.hasFrame = true
        unsafe state.pointee.records[index].available -= count
        let ends = header[4] & 1 != 0
        unsafe state.pointee.guardian.noteSent(count, ends: ends)
    }
}
