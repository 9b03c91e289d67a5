import Testing
import Transport

/// Random numbers that are the same in every run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// Watches one descriptor, edge-triggered unless told otherwise, and waits for what it reports.
struct Watch: ~Copyable {
    private var poller: Poller
    static let token: UInt64 = 0xfeed

    init(_ descriptor: Descriptor, _ interest: Readiness = .connection) throws {
        let poller = try Poller()
        try poller.add(descriptor, interest, token: Watch.token)
        self.poller = poller
    }

    /// What is reported next, within 5 s.
    mutating func next() throws -> Readiness {
        let deadline = Instant.now().adding(milliseconds: 5000)
        while Instant.now() < deadline {
            if let readiness = reported(within: 100) { return readiness }
        }
        throw SystemError("nothing reported within 5 s", code: 0)
    }

    /// Waits until all of `wanted` were reported, together or one after the other.
    mutating func all(of wanted: Readiness) throws {
        var seen: Readiness = []
        while !seen.isSuperset(of: wanted) { seen.formUnion(try next()) }
    }

    /// What is reported within the time, if anything.
    mutating func reported(within milliseconds: Int32) -> Readiness? {
        guard poller.wait(milliseconds: milliseconds) > 0 else { return nil }
        let event = poller.event(at: 0)
        return event.token == Watch.token ? event.readiness : nil
    }
}

/// Two ends of a TCP connection on loopback, closed with the fixture.
final class Connection {
    let listener: Descriptor
    let client: Descriptor
    let server: Descriptor
    let clientAddress: SocketAddress?
    /// Somebody else closes the client's and the server's end.
    var hasGivenEndsAway = false

    init(on address: SocketAddress = .loopback) throws {
        listener = try Socket.listen(on: address, sharing: .exclusive)
        guard let bound = Socket.localAddress(of: listener) else {
            throw SystemError("no local address", code: 0)
        }
        client = try Socket.connect(to: bound)
        var watch = try Watch(listener, .readable)
        _ = try watch.next()
        guard let (server, from) = try Socket.accept(from: listener) else {
            throw SystemError("nothing to accept", code: 0)
        }
        self.server = server
        clientAddress = from
    }

    deinit {
        listener.close()
        guard !hasGivenEndsAway else { return }
        client.close()
        server.close()
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ buffer: Buffer) -> String {
    let span = buffer.bytes
    return String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
}

extension Buffer {
    @discardableResult
    mutating func append(_ text: String) -> Int { append(Array(text.utf8).span) }
}

extension ByteRing {
    @discardableResult
    func push(_ text: String) -> Bool { push(bytes(text).span) }
}

extension Descriptor {
    func send(_ text: String) -> TransferResult { send(bytes(text).span) }
}
