internal import Balancing
internal import Transport

/// What to probe, and how.
struct ProbeTarget {
    var address: SocketAddress
    var method: Method
    var timeoutMilliseconds: Int
    /// How long the connect alone may take.
    var connectTimeoutMilliseconds: Int
    /// What a connection begins with: that it is weir's own.
    var proxyProtocol = ProxyProtocol.off

    /// nil: plain.
    var tls: TLS?

    /// What TLS is spoken by.
    struct TLS {
        var context: TLSContext
        var serverName: String
    }

    enum Method {
        /// A connection is enough.
        case connect
        /// - Parameter host: the Host field.
        case http(ProbeConfiguration.HTTPProbe, host: String)
        /// The health of a service (grpc.health.v1).
        case grpc(service: String, authority: String)
    }
}

/// How one probe ended.
struct ProbeOutcome: Equatable, Sendable {
    /// nil if it passed.
    var failure: ProbeFailure?
    var milliseconds: Int
}

/// Probes replicas, many at once, each on a connection of its own. One for all pools; one thread.
final class Prober {
    /// The most probes under way at once; more wait for their turn.
    static let probesMaximum = 1_024

    typealias Completion = (ProbeOutcome) -> Void

    private let loop: EventLoop
    private var running: [ObjectIdentifier: ProbeConnection] = [:]
    private var waiting: [(target: ProbeTarget, completion: Completion)] = []
    /// The first of `waiting` that is not running yet.
    private var next = 0
    private var buffer = Buffer.allocate(capacity: 16_384)

    init(loop: EventLoop) { self.loop = loop }

    deinit { buffer.deallocate() }

    /// Probes once. `completion` is called later, once, unless the prober is closed first.
    func probe(_ target: ProbeTarget, _ completion: @escaping Completion) {
        if running.count < Prober.probesMaximum {
            begin(target, completion)
        } else {
            waiting.append((target, completion))
        }
    }

    /// Ends all probes; no completion is called any more.
    func close() {
        waiting = []
        next = 0
        for connection in running.values { connection.abandon() }
        running = [:]
    }

    private func begin(_ target: ProbeTarget, _ completion: @escaping Completion) {
        let connection = ProbeConnection(loop: loop, target: target)
        running[ObjectIdentifier(connection)] = connection
        connection.begin(
            receive: { [weak self] wire, take in
                self?.receive(wire, take) ?? .wouldBlock
            },
            ended: { [weak self] connection, outcome in
                guard let self, running.removeValue(forKey: ObjectIdentifier(connection)) != nil
                else { return }
                completion(outcome)
                beginWaiting()
            })
    }

    private func beginWaiting() {
        while running.count < Prober.probesMaximum, next < waiting.count {
            let (target, completion) = waiting[next]
            next += 1
            begin(target, completion)
        }
        if next == waiting.count {
            waiting = []
            next = 0
        }
    }

    /// All connections receive into the one buffer, and take out at once what it holds.
    private func receive(
        _ wire: Wire, _ take: (Span<UInt8>) -> Void
    ) -> TransferResult {
        buffer.clear()
        let result = wire.receive(into: &buffer)
        if case .bytes = result { take(buffer.bytes) }
        return result
    }
}
