import Balancing
import Glibc
import Metrics
import TestSupport
import Transport

@testable import ControlPlane

/// A control loop in the hands of a test: it turns when the test says, and what it publishes and
/// logs is kept. Its workers exist only as counters that the test writes.
final class ControlDesk {
    let loop: EventLoop
    let control: ControlLoop
    let workers: WorkerLinks
    var snapshots: [Snapshot] { record.snapshots }
    var lines: [String] { record.lines }
    private let record: Record

    private final class Record {
        var snapshots: [Snapshot] = []
        var lines: [String] = []
        var ended = 0
    }

    init(_ configuration: Configuration, workers count: Int = 2) throws {
        let record = Record()
        self.record = record
        loop = try EventLoop()
        var links = WorkerLinks(
            counters: (0..<count).map { _ in WorkerCounters() },
            board: LoadBoard(workers: count, replicaRowsMaximum: 1_024),
            observations: (0..<count).map { _ in BoundedQueue(capacity: 64) },
            wakeup: try Wakeup())
        links.publish = { record.snapshots.append($0) }
        links.endedWorkers = { record.ended }
        workers = links
        let log = StateLog(level: .debug) { record.lines.append($0) }
        control = ControlLoop(loop: loop, configuration: configuration, workers: links, log: log)
    }

    /// Closes what workers would have closed, and what was in flight.
    deinit {
        loop.forgetAll()
        let sockets = Set(record.snapshots.flatMap { $0.listeners.flatMap(\.descriptors) })
        for socket in sockets { close(socket) }
    }

    var controller: Controller { control.controller }
    var last: Snapshot? { snapshots.last }

    /// Turns the loop until `condition` holds.
    func turn(until what: String, within seconds: Double = 5, _ condition: () -> Bool) throws {
        let deadline = Deadline(seconds: seconds)
        while !condition() {
            if deadline.hasPassed { throw NotInTime("\(what); log:\n\(lines.joined())") }
            control.turn(milliseconds: 10)
        }
    }

    /// All workers work by the newest snapshot.
    func adopt() {
        for counters in workers.counters {
            counters.worker.set(
                controller.generation, row: 0, column: WorkerColumn.generation.rawValue)
        }
        control.turn(milliseconds: 0)
    }

    func endWorkers() {
        record.ended = workers.workers
        workers.wakeup.signal()
    }

    /// A configuration without an admin interface, so that tests run side by side.
    static func configuration(
        listeners: [ListenerConfiguration] = [], pools: [PoolConfiguration] = []
    ) -> Configuration {
        var configuration = Configuration()
        configuration.listeners = listeners
        configuration.pools = pools
        configuration.admin.bind = nil
        configuration.admin.socketPath = nil
        configuration.statePath = nil
        configuration.dns.servers = [SocketAddress.loopback.withPort(9)]
        return configuration
    }

    static func listener(_ name: String, _ bind: SocketAddress) -> ListenerConfiguration {
        ListenerConfiguration(name: name, bind: bind, mode: .http)
    }

    /// A pool of fixed addresses that is not probed, so that its replicas are ready at once.
    static func pool(_ name: String, _ addresses: [SocketAddress]) -> PoolConfiguration {
        var pool = PoolConfiguration(name: name)
        pool.sources = addresses.map { .address($0, weight: 1) }
        pool.probe.kind = .off
        return pool
    }
}
