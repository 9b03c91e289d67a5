internal import ControlPlane
internal import Transport

/// What stands around weir in the demo, as containers would: replicas of two services, and the DNS
/// server that lists them. Used by one thread.
final class DemoTown {
    /// A service, as its DNS name tells it.
    enum Service: String, CaseIterable {
        case app
        case canary = "app-canary"
    }

    let names: DemoNames
    /// The port of every replica; they differ by address, as containers do.
    let port: UInt16
    private var replicas: [(service: Service, replica: DemoReplica)] = []
    private var started: [Service: Int] = [:]

    /// Starts the DNS server and `count` replicas of the app, and one of its canary.
    init(replicas count: Int) throws {
        names = try DemoNames()
        let first = try DemoReplica(
            name: DemoTown.name(.app, 1), address: DemoTown.address(.app, 1).withPort(0))
        port = first.address.port
        replicas = [(.app, first)]
        started[.app] = 1
        for _ in 1..<count { try start(.app) }
        try start(.canary)
    }

    /// Starts one more replica, and lists it in DNS.
    @discardableResult
    func start(_ service: Service) throws -> DemoReplica {
        let number = started[service, default: 0] + 1
        let replica = try DemoReplica(
            name: DemoTown.name(service, number),
            address: DemoTown.address(service, number).withPort(port))
        started[service] = number
        replicas.append((service, replica))
        publish()
        return replica
    }

    /// Kills one replica. DNS goes on listing it for a moment, as Docker's does.
    func kill(_ name: String) {
        guard let index = replicas.firstIndex(where: { $0.replica.name == name }) else { return }
        let replica = replicas.remove(at: index).replica
        replica.kill()
        publish()
    }

    func closeAll() {
        for (_, replica) in replicas { replica.kill() }
        replicas = []
        names.close()
    }

    /// The names of the app's replicas that run, the oldest first.
    var appNames: [String] { replicas.filter { $0.service == .app }.map(\.replica.name) }

    private func publish() {
        names.publish(
            replicas.map { service, replica in
                DemoNames.Record(
                    name: service.rawValue, address: replica.address, container: replica.name)
            })
    }

    private static func name(_ service: Service, _ number: Int) -> String {
        "demo-\(service.rawValue)-\(number)"
    }

    /// 127.0.1.1, 127.0.1.2 … for the app and 127.0.2.1 … for its canary.
    private static func address(_ service: Service, _ number: Int) -> SocketAddress {
        let net: UInt32 = service == .app ? 0x7f00_0100 : 0x7f00_0200
        return SocketAddress(ipv4: net + UInt32(number), port: 0)
    }
}
