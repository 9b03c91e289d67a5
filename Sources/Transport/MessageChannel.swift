internal import CLinux
internal import Glibc

/// One end of a connection between two processes that carries whole messages.
public struct MessageChannel: Sendable {
    public let descriptor: Descriptor

    /// More bytes are cut off.
    public static let messageBytesMaximum = 60_000

    /// What one receive came to.
    public enum Received: Equatable, Sendable {
        case message(String)
        case nothing
        /// The other process has closed its end, or is gone.
        case ended
    }

    public init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Both ends of a new one.
    public static func pair() throws(SystemError) -> (MessageChannel, MessageChannel) {
        var ends: [Int32] = [-1, -1]
        try unsafe check(weir_channel(&ends), "socketpair")
        return (MessageChannel(Descriptor(ends[0])), MessageChannel(Descriptor(ends[1])))
    }

    /// Sends a message that is not empty. One to a process that is gone is lost; `receive` tells.
    public func send(_ text: String) {
        _ = descriptor.send(Array(text.utf8.prefix(MessageChannel.messageBytesMaximum)).span)
    }

    /// The next message, if one is there.
    public func receive() -> Received {
        var bytes = [UInt8](repeating: 0, count: MessageChannel.messageBytesMaximum)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe weir_recv(descriptor.number, $0.baseAddress, $0.count)
        }
        if count > 0 { return .message(String(decoding: bytes[..<count], as: UTF8.self)) }
        return count == -Int(EAGAIN) ? .nothing : .ended
    }

    /// The next message; `nothing` if none comes in time. Blocks.
    public func receive(withinMilliseconds limit: Int32) -> Received {
        var wanted = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, limit)
        return receive()
    }

    /// The other process sees the end.
    /// The other process sees the end.
    public func close() { descriptor.close() }
}

/// A file without a name, in memory, which two processes can share.
public struct MemoryFile: Sendable {
    public let descriptor: Descriptor

    public init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// - Parameter name: what `/proc` shows of it.
    public init(name: String) throws(SystemError) {
        descriptor = Descriptor(try unsafe check(weir_memory_file(name), "memfd_create"))
    }

    /// Puts `bytes` in the place of what was there.
    public func replace(with bytes: [UInt8]) throws(SystemError) {
        try unsafe check(
            weir_replace_content(descriptor.number, bytes, bytes.count), "write to memory")
    }

    /// All of it.
    public func contents() throws(SystemError) -> [UInt8] {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe weir_read_at(
                    descriptor.number, $0.baseAddress, $0.count, result.count)
            }
            guard count >= 0 else { throw SystemError("read from memory", code: Int32(-count)) }
            if count == 0 { return result }
            result += piece[..<count]
        }
    }

    /// The memory is free when nobody has it open.
    public func close() { descriptor.close() }
}
