import Balancing
import Glibc
import Metrics
import Synchronization
import TestSupport
import Transport

@testable import ControlPlane

/// In tests a wire is the test's own end of it, not the program's.
typealias Wire = TestSupport.Wire

/// A control loop on a thread of its own with an admin interface on loopback and on a Unix socket.
final class AdminBed: Sendable {
    let address: SocketAddress
    let socketPath: String
    private let background: Background
    private let isOver: Flag

    final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        func raise() { value.store(true, ordering: .releasing) }
        var isRaised: Bool { value.load(ordering: .acquiring) }
    }

    /// Runs `body` beside a control loop with this configuration.
    static func run(
        _ configuration: Configuration, _ body: (AdminBed) throws -> Void
    ) throws {
        let bed = try AdminBed(configuration)
        defer { bed.isOver.raise() }
        try body(bed)
        bed.isOver.raise()
        try bed.background.join()
        unsafe rmdir(String(bed.socketPath.dropLast("/admin.sock".count)))
    }

    private init(_ configuration: Configuration) throws {
        let path = AdminBed.uniquePath()
        let flag = Flag()
        let bound = Bound()
        background = try Background {
            var configuration = configuration
            configuration.admin.bind = SocketAddress.loopback
            configuration.admin.socketPath = path
            let desk = try ControlDesk(configuration)
            desk.control.source = { () throws(ControlError) in configuration }
            try desk.control.start()
            bound.address.withLock { $0 = desk.control.adminAddress }
            while !flag.isRaised { desk.control.turn(milliseconds: 5) }
            desk.control.beginShutdown()
            desk.endWorkers()
            desk.control.run()
        }
        isOver = flag
        socketPath = path
        try eventually("the admin interface listens") { bound.address.withLock { $0 != nil } }
        address = bound.address.withLock { $0 } ?? .loopback
    }

    private final class Bound: Sendable {
        let address = Guarded<SocketAddress?>(nil)
    }

    private static let paths = Atomic<Int>(0)

    static func uniquePath() -> String {
        let number = paths.wrappingAdd(1, ordering: .relaxed).oldValue
        return "/tmp/weir-admin-\(getpid())-\(number)/admin.sock"
    }

    /// Over the Unix socket.
    var client: AdminClient { AdminClient(.unixSocket(socketPath)) }
    var networkClient: AdminClient { AdminClient(.network(address)) }

    func networkClient(token: String) throws -> AdminClient {
        AdminClient(.network(address), token: try AdminToken(token, from: "the test"))
    }
}
