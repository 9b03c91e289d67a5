internal import COpenSSL
internal import Glibc

/// The bytes of one connection, plain or by TLS.
///
/// A plain value, like the descriptor in it: its owner closes it exactly once. What is about the
/// socket and not about its bytes (the poller, socket options) goes by `descriptor`.
@safe
public struct Wire: @unchecked Sendable {
    public let descriptor: Descriptor
    private let tls: OpaquePointer?

    /// The bytes of the socket itself.
    public init(plain descriptor: Descriptor) {
        self.descriptor = descriptor
        unsafe tls = nil
    }

    /// The server's end of a TLS connection; nil if there is no memory for it. The descriptor is
    /// still the caller's then. `handshake` comes first.
    public init?(accepting descriptor: Descriptor, by context: TLSContext) {
        guard let tls = unsafe weir_tls_accept(context.pointer, descriptor.number) else {
            return nil
        }
        self.descriptor = descriptor
        unsafe self.tls = tls
    }

    /// The client's end of a TLS connection.
    ///
    /// - Parameters:
    ///   - name: what the certificate must be for, a DNS name or an address; a DNS name is also
    ///     told to the server (SNI). nil: neither.
    ///   - session: of an earlier connection to the same name.
    public init?(
        connecting descriptor: Descriptor, by context: TLSContext, name: String?,
        resuming session: TLSSession? = nil
    ) {
        let made =
            unsafe name.map { name in
                unsafe name.withCString {
                    unsafe weir_tls_connect(
                        context.pointer, descriptor.number, $0, session?.pointer)
                }
            } ?? weir_tls_connect(context.pointer, descriptor.number, nil, session?.pointer)
        guard let tls = unsafe made else { return nil }
        self.descriptor = descriptor
        unsafe self.tls = tls
    }

    /// No connection.
    public static let none = Wire(plain: .none)

    public var isTLS: Bool { unsafe tls != nil }

    /// Receives at most `limit` bytes into the free end of `buffer`, where there must be room.
    public func receive(into buffer: inout Buffer, atMost limit: Int = .max) -> TransferResult {
        guard let tls = unsafe tls else {
            return descriptor.receive(into: &buffer, atMost: limit)
        }
        let room = min(limit, buffer.room)
        precondition(room > 0, "receive into a full buffer")
        let result = unsafe weir_tls_recv(tls, buffer.freeStart, room)
        if result > 0 { buffer.commit(result) }
        return TransferResult(receiveResult: result)
    }

    /// Whether a receive that could have taken `room` bytes and took `count` has left nothing, so
    /// that the poller will say when there is more. It will not after it has reported FIN or worse.
    public func isDrained(by count: Int, of room: Int) -> Bool {
        guard let tls = unsafe tls else { return count < room }
        return unsafe weir_tls_is_drained(tls) != 0
    }

    /// Sends the bytes of `span`, or as many as are taken. What is not taken must be sent again
    /// before anything else.
    public func send(_ span: Span<UInt8>) -> TransferResult {
        guard let tls = unsafe tls else { return descriptor.send(span) }
        let result = unsafe span.withUnsafeBufferPointer {
            unsafe weir_tls_send(tls, $0.baseAddress, $0.count)
        }
        return TransferResult(sendResult: result)
    }

    /// Sends two pieces in order, together.
    public func send(_ first: Span<UInt8>, _ second: Span<UInt8>) -> TransferResult {
        guard let tls = unsafe tls else { return descriptor.send(first, second) }
        let result = unsafe first.withUnsafeBufferPointer { one in
            unsafe second.withUnsafeBufferPointer { two in
                unsafe weir_tls_send_two(
                    tls, one.baseAddress, one.count, two.baseAddress, two.count)
            }
        }
        return TransferResult(sendResult: result)
    }

    /// Looks at the next byte without taking it: has the other side sent, closed, or neither?
    ///
    /// What TLS has looked at is no longer in the socket: after `bytes` the poller says nothing of
    /// it, and who does not read on must remember it.
    public func peek() -> TransferResult {
        guard let tls = unsafe tls else { return descriptor.peek() }
        return unsafe TransferResult(receiveResult: weir_tls_peek(tls))
    }

    /// Says that nothing more will be sent; receiving goes on.
    ///
    /// - Returns: whether that is said. If not, the socket was full: to be called again when it
    ///   takes bytes.
    public func shutdownWrite() -> Bool {
        guard sayEnd() else { return false }
        descriptor.shutdownWrite()
        return true
    }

    /// By TLS, says that nothing more will be sent (close_notify), as `shutdownWrite` does, and
    /// leaves the socket as it is. What is plain has no such word.
    public func sayEnd() -> Bool {
        guard let tls = unsafe tls else { return true }
        return unsafe weir_tls_shutdown(tls) != -EAGAIN
    }

    /// The next close is a reset, so that the other side cannot mistake a cut message for a whole
    /// one.
    public func resetOnClose() {
        if let tls = unsafe tls { unsafe weir_tls_abort(tls) }
        descriptor.resetOnClose()
    }

    /// Closes the connection; by TLS with a word of goodbye, unless it is to be a reset.
    public func close() {
        if let tls = unsafe tls { unsafe weir_tls_free(tls) }
        descriptor.close()
    }
}

/// How far a handshake has come.
public enum TLSHandshake: Equatable, Sendable {
    case done
    /// Again, when the poller says anything.
    case waiting
    case failed(TLSFailure)
}

/// What only TLS connections have. Of a plain one it is nothing.
extension Wire {
    /// Goes on with the handshake as far as it can.
    public func handshake() -> TLSHandshake {
        guard let tls = unsafe tls else { return .done }
        let result = unsafe weir_tls_handshake(tls)
        if result == 1 { return .done }
        if result == -EAGAIN { return .waiting }
        return unsafe .failed(TLSFailure(of: tls))
    }

    /// Why the last receive, send or handshake failed.
    public var failure: TLSFailure? {
        guard let tls = unsafe tls, unsafe weir_tls_failure(tls) != WEIR_TLS_NO_FAILURE else {
            return nil
        }
        return unsafe TLSFailure(of: tls)
    }

    /// The other side's end came without its saying so: bytes may have been cut off.
    public var isTruncated: Bool {
        guard let tls = unsafe tls else { return false }
        return unsafe weir_tls_is_truncated(tls) != 0
    }

    /// The handshake went on with an earlier session.
    public var isResumed: Bool {
        guard let tls = unsafe tls else { return false }
        return unsafe weir_tls_is_resumed(tls) != 0
    }

    /// Has a client's end offer HTTP/1.1 alone (ALPN), whatever its context offers; before the
    /// handshake.
    public func offerHTTP1() {
        if let tls = unsafe tls { unsafe weir_tls_offer_http1(tls) }
    }

    /// The same, with nothing offered.
    public func offerNothing() {
        if let tls = unsafe tls { unsafe weir_tls_offer_nothing(tls) }
    }

    /// Both sides have agreed on a protocol, whichever (ALPN).
    public var hasAgreedOnProtocol: Bool {
        guard let tls = unsafe tls else { return false }
        return unsafe weir_tls_has_agreed(tls) != 0
    }

    /// Both sides have agreed on HTTP/2 (ALPN).
    public var hasAgreedOnHTTP2: Bool {
        guard let tls = unsafe tls else { return false }
        return unsafe weir_tls_speaks_http2(tls) != 0
    }

    /// The minor version of TLS 1, 2 or 3; nil: not TLS.
    public var minorVersion: Int? {
        guard let tls = unsafe tls else { return nil }
        return Int(unsafe weir_tls_version(tls))
    }

    /// The name that the client has asked for (SNI); nil: none.
    public var nameAskedFor: String? {
        guard let tls = unsafe tls, let name = unsafe weir_tls_server_name_asked(tls) else {
            return nil
        }
        return unsafe String(cString: name)
    }

    /// The other side has shown a certificate, and it was verified.
    public var hasPeerCertificate: Bool {
        guard let tls = unsafe tls else { return false }
        return unsafe weir_tls_has_peer_certificate(tls) != 0
    }

    /// Appends the certificate that the other side has shown and that was verified, as DER.
    ///
    /// - Returns: the count of bytes; 0: there is none, or no room for it.
    public func peerCertificate(into buffer: inout Buffer) -> Int {
        guard let tls = unsafe tls else { return 0 }
        let count = unsafe weir_tls_peer_certificate(tls, buffer.freeStart, buffer.room)
        buffer.commit(count)
        return count
    }

    /// What the next connection to the same name can resume with.
    public func takeSession() -> TLSSession? {
        guard let tls = unsafe tls, let session = unsafe weir_tls_take_session(tls) else {
            return nil
        }
        return unsafe TLSSession(session)
    }
}

/// What a client resumes a session with.
@safe
public final class TLSSession {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe weir_session_free(pointer) }
}
