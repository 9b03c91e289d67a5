import Glibc
public import Transport

/// One TCP connection in the hands of a test: bytes go out exactly as written, and every read has
/// a deadline. Used for both sides: as a client, and as what a scripted replica talks to.
///
/// Used by one thread; only `cut` may come from another one.
public final class Wire: @unchecked Sendable {
    private let descriptor: Guarded<Int32>
    private let number: Int32
    private var unread: [UInt8] = []
    private var next = 0
    /// Seconds that one read or write may take.
    public var patience = 10.0
    /// Called for each request that `readRequest` returns.
    let onRequest: @Sendable () -> Void

    init(_ descriptor: Descriptor, onRequest: @escaping @Sendable () -> Void = {}) {
        self.descriptor = Guarded(descriptor.number)
        number = descriptor.number
        self.onRequest = onRequest
    }

    /// Connects, and waits until it is connected.
    public convenience init(to address: SocketAddress) throws {
        let descriptor = try Socket.connect(to: address)
        self.init(descriptor)
        try awaitEvent(POLLOUT, "a connect to \(address)")
        let code = descriptor.pendingError()
        guard code == 0 else {
            close()
            throw SystemError("connect \(address)", code: code)
        }
    }

    deinit { close() }

    // MARK: Sending

    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws { try send(bytes[...]) }

    /// Sends all of `bytes`, waiting where the other side does not read.
    public func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else if errno == EAGAIN {
                try awaitEvent(POLLOUT, "room to send \(rest.count) more bytes")
            } else if errno != EINTR {
                throw SystemError("send", code: errno)
            }
        }
    }

    /// Sends what the kernel takes now: how much a balancer swallows when nobody reads behind it.
    ///
    /// - Returns: the bytes taken until nothing more was taken for `quiet` seconds.
    public func sendUntilFull(_ block: [UInt8], quiet: Double) throws -> Int {
        var taken = 0
        while isReady(POLLOUT, seconds: quiet) {
            let sent = unsafe block.withUnsafeBytes {
                unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 { taken += sent } else if errno != EAGAIN { break }
        }
        return taken
    }

    /// Waits until the other side's kernel has all that was sent.
    public func awaitDelivery() throws {
        try eventually(within: patience, "what was sent has arrived") {
            var pending: Int32 = 0
            return unsafe ioctl(number, UInt(TIOCOUTQ), &pending) == 0 && pending == 0
        }
    }

    /// Sends FIN; receiving goes on.
    public func halfClose() { Descriptor(number).shutdownWrite() }

    // MARK: Receiving

    /// Takes exactly `count` bytes.
    public func read(count: Int) throws -> [UInt8] {
        while unread.count - next < count { try receiveOrThrow("\(count) bytes") }
        return take(count)
    }

    /// Takes bytes up to and including `mark`.
    public func read(until mark: String) throws -> String {
        let mark = Array(mark.utf8)
        var searched = next
        while true {
            if let end = unread.firstEnd(of: mark, from: searched) {
                return String(decoding: take(end - next), as: UTF8.self)
            }
            searched = max(next, unread.count - mark.count + 1)
            try receiveOrThrow("\"\(String(decoding: mark, as: UTF8.self))\"")
        }
    }

    /// Takes what there is and what comes, until the other side closes. A reset is an error.
    public func readToEnd() throws -> [UInt8] {
        while try receive("the end of the stream") {}
        return take(unread.count - next)
    }

    /// Takes some bytes, at least one; empty at the end of the stream.
    public func readSome(atMost count: Int = .max) throws -> [UInt8] {
        try hasMore() ? take(min(count, unread.count - next)) : []
    }

    /// Waits for a byte without taking it; false at the end of the stream.
    public func hasMore() throws -> Bool { try unread.count > next || receive("a byte") }

    /// True if the other side closes or resets within `seconds`, whatever it sends first.
    public func isClosedByOtherSide(within seconds: Double) -> Bool {
        patience = seconds
        do {
            while try receive("the end of the stream") {}
            return true
        } catch is NotInTime {
            return false
        } catch {
            return true
        }
    }

    /// True if nothing at all arrives for `seconds`.
    public func isSilent(for seconds: Double) -> Bool {
        unread.count == next && !isReady(POLLIN, seconds: seconds)
    }

    /// Reads and forgets until the other side closes or the test cuts the connection.
    public func ignoreEverything() {
        patience = 600
        do {
            while try receive("the end") { _ = take(unread.count - next) }
        } catch {
            // However it ends, it has ended.
            _ = error
        }
    }

    // MARK: Ending

    public func close() {
        descriptor.withLock { open in
            if open >= 0 { Glibc.close(open) }
            open = -1
        }
    }

    /// Ends the connection with RST.
    public func reset() {
        Descriptor(number).resetOnClose()
        close()
    }

    /// Shuts both directions from any thread; the thread that uses it sees the end.
    public func cut() {
        descriptor.withLock { if $0 >= 0 { shutdown($0, Int32(SHUT_RDWR)) } }
    }

    // MARK: The descriptor

    private func take(_ count: Int) -> [UInt8] {
        let taken = Array(unread[next..<next + count])
        next += count
        if next == unread.count {
            unread.removeAll(keepingCapacity: true)
            next = 0
        } else if next > 1 << 20 {
            unread.removeFirst(next)
            next = 0
        }
        return taken
    }

    private func receiveOrThrow(_ what: String) throws {
        guard try receive(what) else {
            throw NotInTime("the stream ended; wanted \(what), have \"\(unreadText)\"")
        }
    }

    /// Receives once; false at the end of the stream.
    private func receive(_ what: String) throws -> Bool {
        while true {
            try awaitEvent(POLLIN, what)
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) {
                let got = unsafe recv(number, $0.baseAddress, $0.count, 0)
                if got > 0 { unsafe unread.append(contentsOf: $0[0..<got]) }
                return got
            }
            if count >= 0 { return count > 0 }
            if errno != EAGAIN && errno != EINTR { throw SystemError("receive", code: errno) }
        }
    }

    private func awaitEvent(_ event: Int32, _ what: String) throws {
        guard isReady(event, seconds: patience) else {
            throw NotInTime("waited \(patience) s for \(what), have \"\(unreadText)\"")
        }
    }

    private func isReady(_ event: Int32, seconds: Double) -> Bool {
        var entry = pollfd(fd: number, events: Int16(event), revents: 0)
        let deadline = Deadline(seconds: seconds)
        repeat {
            if unsafe poll(&entry, 1, deadline.milliseconds) > 0 { return true }
        } while !deadline.hasPassed
        return false
    }

    private var unreadText: String {
        String(decoding: unread[next...].prefix(300), as: UTF8.self)
    }
}

extension [UInt8] {
    /// The position after the first occurrence of `mark` at or after `start`.
    func firstEnd(of mark: [UInt8], from start: Int) -> Int? {
        guard let last = mark.last else { return start }
        var position = start + mark.count - 1
        while position < count {
            if self[position] == last,
                self[(position - mark.count + 1)...position].elementsEqual(mark)
            {
                return position + 1
            }
            position += 1
        }
        return nil
    }
}
