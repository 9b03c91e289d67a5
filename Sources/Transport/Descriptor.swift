internal import CLinux
internal import Glibc

/// What one receive or send came to. None of these is exceptional in an event loop.
public enum TransferResult: Equatable, Sendable {
    /// This many bytes, at least one.
    case bytes(Int)
    /// Nothing now; the poller will say when.
    case wouldBlock
    /// The other side has sent all it will send.
    case endOfStream
    /// The connection is broken; the errno says why.
    case failed(Int32)
}

/// A file descriptor as a plain value. Its owner closes it exactly once.
public struct Descriptor: Hashable, Sendable {
    public let number: Int32

    public init(_ number: Int32) { self.number = number }

    /// No descriptor.
    public static let none = Descriptor(-1)

    public var isOpen: Bool { number >= 0 }

    /// Receives at most `limit` bytes into the free end of `buffer`, with one system call. There
    /// must be room, since the kernel's answer to a receive of nothing looks like the end of the
    /// stream.
    public func receive(into buffer: inout Buffer, atMost limit: Int = .max) -> TransferResult {
        let room = min(limit, buffer.room)
        precondition(room > 0, "receive into a full buffer")
        let result = unsafe weir_recv(number, buffer.freeStart, room)
        if result > 0 {
            buffer.commit(result)
            return .bytes(result)
        }
        return TransferResult(receiveResult: result)
    }

    /// Sends the bytes of `span`, or as many as the kernel takes.
    public func send(_ span: Span<UInt8>) -> TransferResult {
        let result = unsafe span.withUnsafeBufferPointer {
            unsafe weir_send(number, $0.baseAddress, $0.count)
        }
        return TransferResult(sendResult: result)
    }

    /// Sends two pieces in order with one system call.
    public func send(_ first: Span<UInt8>, _ second: Span<UInt8>) -> TransferResult {
        let result = unsafe first.withUnsafeBufferPointer { one in
            unsafe second.withUnsafeBufferPointer { two in
                let pieces: InlineArray<2, iovec> = unsafe [
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: one.baseAddress),
                        iov_len: one.count),
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: two.baseAddress),
                        iov_len: two.count),
                ]
                return unsafe pieces.span.withUnsafeBufferPointer {
                    unsafe weir_send_pieces(number, $0.baseAddress, 2)
                }
            }
        }
        return TransferResult(sendResult: result)
    }

    /// Writes to a file or pipe; for sockets use `send`.
    public func write(_ span: Span<UInt8>) -> TransferResult {
        let result = unsafe span.withUnsafeBufferPointer {
            unsafe weir_write(number, $0.baseAddress, $0.count)
        }
        return TransferResult(sendResult: result)
    }

    /// A file to append to, made if it does not exist; readable by owner and group.
    public static func openForAppending(_ path: String) throws(SystemError) -> Descriptor {
        Descriptor(try unsafe check(weir_open_append(path), "open \(path)"))
    }

    /// Whether a file or pipe takes bytes now.
    public func isWritable() -> Bool {
        var wanted = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&wanted, 1, 0) > 0
    }

    /// Blocks until a file or pipe takes bytes again; for the log writer's thread only.
    public func waitUntilWritable() {
        var wanted = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wanted, 1, -1)
    }

    /// Looks at the next byte without taking it: has the other side sent, closed, or neither?
    public func peek() -> TransferResult {
        var byte: UInt8 = 0
        return unsafe TransferResult(receiveResult: weir_peek(number, &byte, 1))
    }

    /// Looks at what has come, as much as `limit` and the free end of `buffer` allow, without
    /// taking it: the same bytes are received again.
    public func peek(into buffer: inout Buffer, atMost limit: Int) -> TransferResult {
        let room = min(limit, buffer.room)
        precondition(room > 0, "peek into a full buffer")
        let result = unsafe weir_peek(number, buffer.freeStart, room)
        if result > 0 { buffer.commit(result) }
        return TransferResult(receiveResult: result)
    }

    /// The error pending on the socket (`SO_ERROR`), zero if none; how a connect ended.
    public func pendingError() -> Int32 { weir_socket_error(number) }

    /// Sends FIN: nothing more will be sent, receiving goes on.
    public func shutdownWrite() { _ = weir_shutdown_write(number) }

    /// Closes the descriptor. Errors are of no use to anybody here: Linux frees the number in any
    /// case.
    public func close() {
        if isOpen { _ = weir_close(number) }
    }

    /// The next close of this socket sends RST instead of FIN, so that the other side cannot
    /// mistake a cut message for a whole one.
    public func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }
}

extension TransferResult {
    @inline(__always)
    init(receiveResult result: Int) {
        if result > 0 {
            self = .bytes(result)
        } else if result == 0 {
            self = .endOfStream
        } else {
            self.init(sendResult: result)
        }
    }

    @inline(__always)
    init(sendResult result: Int) {
        if result >= 0 {
            self = .bytes(result)
        } else if result == -Int(EAGAIN) {
            self = .wouldBlock
        } else {
            self = .failed(Int32(-result))
        }
    }
}
