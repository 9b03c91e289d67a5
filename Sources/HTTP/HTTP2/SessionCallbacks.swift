internal import CNGHTTP2

/// What libnghttp2 calls while it works: each notes what happened in the session's state.
enum SessionCallbacks {
    typealias State = UnsafeMutablePointer<SessionState>

    /// The longest header block that is sent, as libnghttp2 estimates it beforehand: more than the
    /// longest head makes.
    private static let headBytesMaximum = 131_072

    /// Makes libnghttp2's session; false when there is no memory.
    static func open(_ state: State) -> Bool {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return false }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        guard unsafe nghttp2_option_new(&option) == 0 else { return false }
        defer { unsafe nghttp2_option_del(option) }
        unsafe setFieldCallbacks(callbacks)
        unsafe setFrameCallbacks(callbacks)
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_server_fallback_rfc7540_priorities(option, 0)
        unsafe nghttp2_option_set_builtin_recv_extension_type(
            option, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
        unsafe nghttp2_option_set_max_send_header_block_length(option, headBytesMaximum)
        let user = UnsafeMutableRawPointer(state)
        var session: OpaquePointer?
        let result =
            unsafe state.pointee.role == .server
            ? nghttp2_session_server_new2(&session, callbacks, user, option)
            : nghttp2_session_client_new2(&session, callbacks, user, option)
        unsafe state.pointee.session = session
        return result == 0
    }

    private static func setFieldCallbacks(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) {
            _, frame, user in
            guard let state = unsafe SessionCallbacks.state(user), let frame = unsafe frame else {
                return 0
            }
            return unsafe SessionCallbacks.beginHeaders(state, frame)
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, _, user in
            guard let state = unsafe SessionCallbacks.state(user), let frame = unsafe frame,
                let name = unsafe name, let value = unsafe value
            else { return 0 }
            let isGood = unsafe state.pointee.section.add(
                Span(_unsafeStart: name, count: nameCount),
                Span(_unsafeStart: value, count: valueCount))
            return unsafe isGood
                ? SessionCallbacks.judgeSize(state) : SessionCallbacks.refuse(state, frame)
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
            _, _, _, _, _, _, _, _ in
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
    }

    private static func setFrameCallbacks(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            session, _, id, data, count, user in
            guard let state = unsafe SessionCallbacks.state(user), let data = unsafe data else {
                return 0
            }
            unsafe SessionCallbacks.dataCame(state, id, data, count)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let state = unsafe SessionCallbacks.state(user), let frame = unsafe frame else {
                return 0
            }
            unsafe SessionCallbacks.frameCame(state, frame)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            guard let state = unsafe SessionCallbacks.state(user), let frame = unsafe frame else {
                return 0
            }
            unsafe SessionCallbacks.frameWent(state, frame)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) {
            _, frame, _, user in
            guard let state = unsafe SessionCallbacks.state(user), let frame = unsafe frame else {
                return 0
            }
            unsafe SessionCallbacks.frameStayed(state, frame)
            return 0
        }
        // Also called for a request that was submitted and is never sent.
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) {
            session, id, code, user in
            guard let state = unsafe SessionCallbacks.state(user) else { return 0 }
            if let index = unsafe SessionCallbacks.record(state, id) {
                unsafe state.pointee.noteClosed(index, code: code)
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) {
            _, _, header, count, source, user in
            guard let state = unsafe SessionCallbacks.state(user), let header = unsafe header,
                let source = unsafe source
            else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            let index = unsafe Int(bitPattern: source.pointee.ptr) - 1
            unsafe SessionCallbacks.noteFrame(
                state, index, Span(_unsafeStart: header, count: 9), count)
            return NGHTTP2_ERR_PAUSE.rawValue
        }
    }

    /// Records are told to libnghttp2 by number, from 1 on.
    static func number(_ index: Int32) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: Int(index) + 1)
    }

    static func provider(_ index: Int32) -> nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source(ptr: number(index))) {
            _, _, _, limit, flags, source, user in
            guard let state = unsafe SessionCallbacks.state(user), let source = unsafe source,
                let flags = unsafe flags
            else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            let index = unsafe Int(bitPattern: source.pointee.ptr) - 1
            return unsafe SessionCallbacks.readBody(state, index, limit, flags)
        }
    }

    static func state(_ user: UnsafeMutableRawPointer?) -> State? {
        unsafe user?.assumingMemoryBound(to: SessionState.self)
    }

    static func record(_ state: State, _ id: Int32) -> Int32? {
        let number = unsafe Int(
            bitPattern: nghttp2_session_get_stream_user_data(state.pointee.session, id))
        return number == 0 ? nil : Int32(number - 1)
    }
}
