internal import ControlPlane
internal import Transport

/// The DNS server of the demo. It answers in the control loop's thread; any thread may tell it the
/// news.
final class DemoNames {
    /// One replica, as DNS knows it.
    struct Record: Sendable {
        let name: String
        let address: SocketAddress
        let container: String
    }

    /// All records at one moment.
    final class Zone: Sendable {
        let records: [Record]
        init(_ records: [Record]) { self.records = records }
    }

    /// Takes the zone that is true from now on.
    let news: Mailbox<Zone>
    private let server: EmbeddedDNS
    private var records: [Record] = []

    /// Listens on a free port of 127.0.0.1.
    init(loop: EventLoop) throws(SystemError) {
        server = try EmbeddedDNS(loop: loop)
        news = try Mailbox()
        try loop.watch(news.descriptor, .readable) { [unowned self] _ in
            if let zone = news.take() { adopt(zone.records) }
        }
    }

    var address: SocketAddress { server.address }

    private func adopt(_ next: [Record]) {
        for record in records { server.setName(nil, of: record.address) }
        for record in next { server.setName(record.container, of: record.address) }
        for name in Set((records + next).map(\.name)) {
            server.set(name, to: next.filter { $0.name == name }.map(\.address))
        }
        records = next
    }
}
