import Glibc
public import Transport

/// The test's own end of a TLS connection to weir.
public final class TLSClient: @unchecked Sendable {
    private let wire: Transport.Wire
    private var buffer = Buffer.allocate(capacity: 65_536)
    public private(set) var isResumed = false

    /// Connects and agrees on TLS.
    ///
    /// - Throws: `TLSFailure` if that comes to nothing.
    public init(
        to address: SocketAddress, by context: TLSContext, name: String,
        resuming session: TLSSession? = nil
    ) throws {
        let descriptor = try Socket.connect(to: address)
        guard
            let wire = Transport.Wire(
                connecting: descriptor, by: context, name: name, resuming: session)
        else { throw NotInTime("no memory for TLS") }
        self.wire = wire
        try TLSClient.wait(for: descriptor, POLLOUT)
        while true {
            switch wire.handshake() {
            case .done:
                isResumed = wire.isResumed
                return
            case .waiting: try TLSClient.wait(for: descriptor, POLLIN)
            case .failed(let failure):
                wire.close()
                throw failure
            }
        }
    }

    deinit { buffer.deallocate() }

    /// What the next connection resumes with.
    public func takeSession() -> TLSSession? { wire.takeSession() }

    public func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard wire.send(bytes.span) == .bytes(bytes.count) else { throw NotInTime("sent less") }
    }

    /// What comes next; empty at the end.
    public func receive() throws -> [UInt8] {
        buffer.clear()
        while true {
            switch wire.receive(into: &buffer) {
            case .bytes: return buffer.bytes.indices.map { buffer.bytes[$0] }
            case .wouldBlock: try TLSClient.wait(for: wire.descriptor, POLLIN)
            case .endOfStream: return []
            case .failed(let code): throw SystemError("receive", code: code)
            }
        }
    }

    /// Sends a request without a body, and takes a response with a length.
    public func roundTrip(_ request: String) throws -> String {
        try send(request)
        var text = ""
        while true {
            let bytes = try receive()
            if bytes.isEmpty { throw NotInTime("the end after \(text)") }
            text += String(decoding: bytes, as: UTF8.self)
            guard let end = text.range(ofText: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound].lowercased()
            let length =
                head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) } ?? 0
            if text[end.upperBound...].utf8.count >= length { return text }
        }
    }

    public func close() { wire.close() }

    private static func wait(for descriptor: Descriptor, _ events: Int32) throws {
        var wanted = pollfd(fd: descriptor.number, events: Int16(events), revents: 0)
        guard unsafe poll(&wanted, 1, 20_000) > 0 else { throw NotInTime("nothing in 20 s") }
    }
}

extension String {
    fileprivate func range(ofText text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return start..<index(start, offsetBy: text.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
