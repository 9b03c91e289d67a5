internal import CNGHTTP2

/// One HTTP/2 connection, without the connection: bytes in, events out; heads and bodies in, bytes
/// out (RFC 9113). No I/O and no clock; libnghttp2 keeps frames, streams and windows.
///
/// A handle that is copied freely; whoever made the session calls `close` once. Heads are text of
/// HTTP/1.1 in both directions. Bodies do not pass through here: the caller is told how many bytes
/// of which stream follow, and where those that came are. Used by one thread.
@safe
public struct HTTP2Session {
    let state: UnsafeMutablePointer<SessionState>

    /// The server's side of a connection.
    ///
    /// - Parameter keyBits: random, for the WebSocket handshakes that weir begins.
    /// - Returns: nil when there is no memory.
    public static func server(_ settings: HTTP2Settings, keyBits: UInt64) -> HTTP2Session? {
        HTTP2Session(.server, settings, keyBits: keyBits)
    }

    /// The client's side of a connection.
    public static func client(_ settings: HTTP2Settings, keyBits: UInt64) -> HTTP2Session? {
        HTTP2Session(.client, settings, keyBits: keyBits)
    }

    /// What a client's connection begins with (RFC 9113 §3.4).
    public static let prefaceBytes = 24

    /// Whether the bytes are its preface, or the first part of it.
    public static func isPreface(_ bytes: Span<UInt8>) -> Bool {
        let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for index in 0..<min(bytes.count, prefaceBytes) {
            guard unsafe bytes[index] == preface.utf8Start[index] else { return false }
        }
        return true
    }

    private init?(_ role: SessionState.Role, _ settings: HTTP2Settings, keyBits: UInt64) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SessionState(role: role, keyBits: keyBits))
        unsafe state.pointee.section.bytesMaximum = settings.headerListBytesMaximum
        unsafe state.pointee.streamsMaximum = settings.streamsMaximum
        guard unsafe SessionCallbacks.open(state), announce(settings) else {
            close()
            return nil
        }
    }

    /// Forgets the session and all its streams, without a word to anybody.
    public func close() {
        unsafe nghttp2_session_del(state.pointee.session)
        unsafe state.pointee.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    private func announce(_ settings: HTTP2Settings) -> Bool {
        let isServer = unsafe state.pointee.role == .server
        let all: InlineArray<5, nghttp2_settings_entry> = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(settings.streamWindowBytes)),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(settings.headerListBytesMaximum)),
            isServer
                ? entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(settings.streamsMaximum))
                : entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
            entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
        ]
        // A client does not announce that it takes extended CONNECT.
        let count = isServer ? 5 : 4
        let result = unsafe all.span.withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(
                state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, count)
        }
        guard result == 0 else { return false }
        return unsafe nghttp2_session_set_local_window_size(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0,
            settings.connectionWindowBytes) == 0
    }

    private func entry(
        _ id: nghttp2_settings_id, _ value: UInt32
    ) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    // What comes.

    /// Works through `bytes` until something has come of them.
    ///
    /// Call it again with what is left, after asking `nextClosed` until that gives nil. Errors of
    /// the other side are dealt with inside: what is to be sent says so, and then `isOver`.
    public func receive(
        _ bytes: Span<UInt8>, atMilliseconds now: UInt64
    ) -> (consumed: Int, event: HTTP2Event) {
        unsafe state.pointee.event = .nothing
        unsafe state.pointee.nowMilliseconds = now
        var offset = 0
        while offset < bytes.count {
            guard unsafe !state.pointee.isDeaf else { return (bytes.count, .nothing) }
            let part = unsafe state.pointee.scanner.next(bytes, from: offset)
            if let frame = part.frame, !admit(frame) { return (bytes.count, .nothing) }
            guard admitPriority(bytes, offset, part) else { return (bytes.count, .nothing) }
            guard feed(bytes, offset, part.count) else { return (bytes.count, .nothing) }
            offset += part.count
            if case .nothing = unsafe state.pointee.event, unsafe state.pointee.firstClosed < 0 {
                continue
            }
            break
        }
        return unsafe (offset, state.pointee.event)
    }

    private func feed(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
        let result = unsafe bytes.withUnsafeBufferPointer { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            unsafe state.pointee.input = base
            return unsafe nghttp2_session_mem_recv(
                state.pointee.session, base + start, count)
        }
        unsafe state.pointee.input = nil
        guard result >= 0 else {
            unsafe state.pointee.isDeaf = true
            let isFlood = result == Int(NGHTTP2_ERR_FLOODED.rawValue)
            terminate(isFlood ? HTTP2Error.enhanceYourCalm : HTTP2Error.protocolError)
            return false
        }
        return true
    }

    /// Text that the last event is about.
    public var head: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = unsafe state.pointee.section.head
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// They are larger than was announced, and not all there: trailers.
    public var lacksHead: Bool { unsafe state.pointee.section.isTooLarge }

    /// The head asks for another protocol on its stream (RFC 8441): a 2xx is an agreement.
    public var headAsksForTunnel: Bool { unsafe state.pointee.section.asksForTunnel }

    /// A stream that was attached and is over; it is forgotten with this.
    public func nextClosed() -> HTTP2Closed? { unsafe state.pointee.popClosed() }

    /// Has the events of the stream carry a number, which is not zero.
    public func attach(_ stream: HTTP2Stream, user: UInt64) {
        unsafe state.pointee.records[Int(stream.index)].user = user
    }

    /// Nobody wants to hear of the stream any more.
    public func release(_ stream: HTTP2Stream) {
        guard stream != .none else { return }
        unsafe state.pointee.records[Int(stream.index)].user = 0
    }

    /// That many bytes of the stream's body are dealt with: the other side may send as many more.
    public func consume(_ stream: HTTP2Stream, _ count: Int) {
        guard count > 0, stream != .none else { return }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        if unsafe state.pointee.role == .server {
            _ = unsafe nghttp2_session_consume(state.pointee.session, id, count)
        } else {
            _ = unsafe nghttp2_session_consume_stream(state.pointee.session, id, count)
        }
    }

    /// The same for bytes of a stream that is over: the connection may carry as many more.
    public func consumeOfClosed(_ count: Int) {
        guard count > 0 else { return }
        _ = unsafe nghttp2_session_consume_connection(state.pointee.session, count)
    }

    /// Lets the other side send so much ahead on the stream.
    public func setWindow(of stream: HTTP2Stream, to bytes: Int32) {
        guard stream != .none else { return }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        _ = unsafe nghttp2_session_set_local_window_size(
            state.pointee.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, bytes)
    }

    // How it stands.

    /// Open streams.
    public var streamCount: Int { unsafe state.pointee.streamCount }

    /// How many bytes of the stream's body the other side takes now.
    public func window(of stream: HTTP2Stream) -> Int {
        guard stream != .none else { return 0 }
        let id = unsafe state.pointee.records[Int(stream.index)].id
        let own = unsafe nghttp2_session_get_stream_remote_window_size(state.pointee.session, id)
        let all = unsafe nghttp2_session_get_remote_window_size(state.pointee.session)
        return max(0, Int(min(own, all)))
    }

    /// All is said and sent: close the connection.
    public var isOver: Bool {
        unsafe nghttp2_session_want_write(state.pointee.session) == 0
            && (state.pointee.isDeaf || nghttp2_session_want_read(state.pointee.session) == 0)
    }

    public var wantsToSend: Bool {
        unsafe nghttp2_session_want_write(state.pointee.session) != 0
    }

    /// Streams that the other side lets a client have at once.
    public var remoteStreamsMaximum: Int {
        Int(
            unsafe nghttp2_session_get_remote_settings(
                state.pointee.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Whether the other side takes extended CONNECT (RFC 8441 §3); nil: it has not said yet.
    public var takesTunnels: Bool? {
        guard unsafe state.pointee.hasSettings else { return nil }
        return unsafe nghttp2_session_get_remote_settings(
            state.pointee.session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// The other side has said GOAWAY, or no stream number is left: no new streams.
    public var hasGoneAway: Bool {
        unsafe state.pointee.hasGoneAway
            || nghttp2_session_check_request_allowed(state.pointee.session) == 0
    }
}
