import Balancing
import Metrics
import TestSupport
import Transport

@testable import DataPlane

/// In tests a wire is the test's own end of it, not the program's.
typealias Wire = TestSupport.Wire

/// Workers without a control plane: the test publishes the snapshots.
final class Bed: @unchecked Sendable {
    let counters: [WorkerCounters]
    let board: LoadBoard
    let observations: [BoundedQueue<Observation>]
    let address: SocketAddress
    private let workers: WorkerGroup
    private let socket: Descriptor
    private var snapshot: Snapshot

    /// One worker and one listener, before replicas at these addresses.
    init(
        replicas: [SocketAddress], mode: Listener.Mode = .http,
        settings: PoolSettings = PoolSettings(), policy: BalancePolicy = .roundRobin
    ) throws {
        counters = [WorkerCounters()]
        board = LoadBoard(workers: 1, replicaRowsMaximum: WorkerCounters.replicaRowsMaximum)
        observations = [BoundedQueue(capacity: 1_024)]
        socket = try Socket.listen(on: .loopback, sharing: .perWorker)
        address = Socket.localAddress(of: socket) ?? .loopback
        workers = try WorkerGroup(
            counters: counters, board: board, observations: observations, wakeup: try Wakeup(),
            accessLog: .off)
        snapshot = Snapshot.empty
        snapshot.listeners = [
            Listener(row: 0, name: "web", mode: mode, descriptors: [socket.number])
        ]
        snapshot.routes = RouteTable([Route(row: 0, target: .pool(0))])
        snapshot.pools = [
            Pool(
                row: 0, name: "web", policy: policy,
                replicas: replicas.enumerated().map { Bed.replica($0, $1) }, settings: settings)
        ]
        try workers.start()
        publish()
    }

    static func replica(
        _ row: Int, _ address: SocketAddress, _ availability: Replica.Availability = .ready
    ) -> Replica {
        var replica = Replica(
            row: row, name: "web-\(row)", addressHigh: address.high, addressLow: address.low,
            port: address.port, availability: availability)
        replica.serverName = "web.example"
        return replica
    }

    /// Changes the snapshot and publishes it.
    func change(_ change: (inout Snapshot) throws -> Void) rethrows {
        try change(&snapshot)
        publish()
    }

    /// Gives the worker a snapshot that takes it long to adopt, so that much has come when it looks
    /// at its connections again.
    func keepBusy() {
        change { snapshot in
            let unused = (0..<3_000).map { Bed.replica($0 + 100, .loopback, .closed) }
            let row = snapshot.pools.count == 1 ? 7 : snapshot.pools[1].row + 1
            snapshot.pools[1...] = [
                Pool(row: row, name: "many", policy: .roundRobin, replicas: unused)
            ]
        }
    }

    private func publish() {
        snapshot.generation += 1
        workers.publish(snapshot)
    }

    /// Drains the workers and waits for their end.
    func stop(within milliseconds: Int = 500) {
        let deadline = Instant.now().adding(milliseconds: milliseconds)
        snapshot.phase = .draining(deadline: deadline.nanoseconds)
        publish()
        workers.join()
    }

    func client() throws -> Wire { try Wire(to: address) }

    /// A figure of the worker.
    func worker(_ column: WorkerColumn) -> UInt64 {
        counters[0].worker.value(row: 0, column: column.rawValue)
    }

    /// A figure of the first pool.
    func pool(_ column: PoolColumn) -> UInt64 {
        counters[0].pools.value(row: 0, column: column.rawValue)
    }
}

/// A connection that has carried much takes much at once.
extension Wire {
    private static var wideBytes: Int { 32 << 20 }

    /// The replica's part: a long answer to a first request.
    func widenWindow() throws {
        _ = try readRequest()
        try send("HTTP/1.1 200 OK\r\nContent-Length: \(Wire.wideBytes)\r\n\r\n")
        try sendPattern(Wire.wideBytes)
    }

    /// The client's part.
    func awaitWideWindow() throws {
        try send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        _ = try readHead()
        guard try readPattern(Wire.wideBytes) else { throw NotInTime("a long answer") }
    }
}
