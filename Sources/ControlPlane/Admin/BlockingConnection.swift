internal import Glibc
internal import Transport

/// A connection that is waited for, with one deadline for all of it.
struct BlockingConnection: ~Copyable {
    private let descriptor: Descriptor
    private let deadline: Instant

    init(_ address: AdminAddress, deadline: Instant) throws(SystemError) {
        self.deadline = deadline
        descriptor =
            switch address {
            case .unixSocket(let path): try Socket.connect(unixPath: path)
            case .network(let address): try Socket.connect(to: address)
            }
    }

    /// Waits until the connect has ended.
    func open() throws(SystemError) {
        try wait(.writable)
        let error = descriptor.pendingError()
        if error != 0 { throw SystemError("connect", code: error) }
    }

    deinit { descriptor.close() }

    func send(_ bytes: [UInt8]) throws(SystemError) {
        var sent = 0
        while sent < bytes.count {
            switch descriptor.send(bytes.span.extracting(sent..<bytes.count)) {
            case .bytes(let count): sent += count
            case .wouldBlock: try wait(.writable)
            case .endOfStream: return
            case .failed(let code): throw SystemError("send", code: code)
            }
        }
    }

    /// Everything until the other side closes.
    func receiveAll(bytesMaximum: Int) throws(SystemError) -> [UInt8] {
        var buffer = Buffer.allocate(capacity: 65_536)
        defer { buffer.deallocate() }
        var received: [UInt8] = []
        while received.count <= bytesMaximum {
            buffer.clear()
            switch descriptor.receive(into: &buffer) {
            case .bytes(let count):
                received.reserveCapacity(received.count + count)
                for index in 0..<count { received.append(buffer.bytes[index]) }
            case .wouldBlock: try wait(.readable)
            case .endOfStream: return received
            case .failed(let code): throw SystemError("receive", code: code)
            }
        }
        throw SystemError("receive", code: EMSGSIZE)
    }

    private func wait(_ readiness: Readiness) throws(SystemError) {
        var poller = try Poller(capacity: 1)
        try poller.add(descriptor, readiness, token: 0)
        let left = deadline.milliseconds(since: Instant.now())
        guard poller.wait(milliseconds: Int32(clamping: left)) > 0 else {
            throw SystemError("wait for an answer", code: ETIMEDOUT)
        }
    }
}
