import Glibc
public import Transport

/// Clients that ask again and again, each on a connection of its own, until `stop`.
public final class Traffic: Sendable {
    private let seen = Guarded(Seen())
    private let isStopped = Flag()
    private let clients: Guarded<[Background]>

    private struct Seen {
        var answers: [String: Int] = [:]
    }

    /// - Parameter clients: how many ask at the same time.
    public init(to address: SocketAddress, clients count: Int = 4) throws {
        clients = Guarded([])
        for _ in 0..<count {
            let client = try Background { [self] in try ask(address) }
            clients.withLock { $0.append(client) }
        }
    }

    /// Answers so far: the status, and the body of those that are 200.
    public var answers: [String: Int] { seen.withLock(\.answers) }

    /// Ends it; throws if a client got no answer.
    public func stop() throws {
        isStopped.set()
        for client in clients.withLock({ $0 }) { try client.join() }
    }

    private func ask(_ address: SocketAddress) throws {
        let text = request("GET /")
        var wire = try Wire(to: address)
        while !isStopped.isSet {
            let answer = try wire.roundTrip(text)
            let name = answer.status == 200 ? "200 \(answer.text)" : "\(answer.status ?? 0)"
            seen.withLock { $0.answers[name, default: 0] += 1 }
            if answer.endsConnection {
                wire.close()
                wire = try Wire(to: address)
            }
        }
        wire.close()
    }
}
