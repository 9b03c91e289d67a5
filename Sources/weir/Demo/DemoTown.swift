internal import Transport

/// What stands around weir in the demo, as containers would: replicas of two services, listed in
/// DNS. Used by one thread.
final class DemoTown {
    /// A service, by its DNS name.
    enum Service: String {
        case app
        case canary = "app-canary"
    }

    private let news: Mailbox<DemoNames.Zone>
    /// Replicas differ by address and share their port, as containers do.
    private let port: UInt16
    private var replicas: [(service: Service, replica: DemoReplica)]
    private var started: [Service: Int] = [.app: 1]

    /// A town with one replica, which has found a free port for all of them.
    init(first: DemoReplica, news: Mailbox<DemoNames.Zone>) {
        self.news = news
        port = first.address.port
        replicas = [(.app, first)]
        publish()
    }

    /// The first replica of a town.
    static func makeFirst() throws(SystemError) -> DemoReplica {
        try DemoReplica(name: name(.app, 1), address: address(.app, 1, port: 0))
    }

    /// Starts one more replica, lists it in DNS, and returns its name.
    @discardableResult
    func start(_ service: Service) throws(SystemError) -> String {
        let number = started[service, default: 0] + 1
        let name = DemoTown.name(service, number)
        let address = DemoTown.address(service, number, port: port)
        replicas.append((service, try DemoReplica(name: name, address: address)))
        started[service] = number
        publish()
        return name
    }

    /// Kills one replica; then it leaves DNS, in the order in which Docker does it.
    func kill(_ name: String) {
        guard let index = replicas.firstIndex(where: { $0.replica.name == name }) else { return }
        replicas.remove(at: index).replica.kill()
        publish()
    }

    private func publish() {
        news.post(
            DemoNames.Zone(
                replicas.map { service, replica in
                    DemoNames.Record(
                        name: service.rawValue, address: replica.address, container: replica.name)
                }))
    }

    private static func name(_ service: Service, _ number: Int) -> String {
        "demo-\(service.rawValue)-\(number)"
    }

    /// 127.0.1.1, 127.0.1.2 and so on for the app, 127.0.2.1 and so on for its canary.
    private static func address(_ service: Service, _ number: Int, port: UInt16) -> SocketAddress {
        let network: UInt32 = service == .app ? 0x7f00_0100 : 0x7f00_0200
        return SocketAddress(ipv4: network + UInt32(number), port: port)
    }
}
