internal import ControlPlane
internal import Glibc
internal import Synchronization
internal import Transport

/// weir between embedded replicas, an embedded DNS server and a client, in one process.
struct Demo {
    /// How many replicas the app has at first.
    let replicas: Int
    /// What happens when the tour is over.
    let ending: Ending

    enum Ending: Equatable {
        case exit
        /// Everything stays as it is until a signal comes.
        case stay
    }

    /// What the tour found, for the thread that ends the process.
    private final class Verdict: Sendable {
        let failures = Mutex<[String]>([])
    }

    /// Where the token is that the dashboard of the demo shows, for whoever opens its link.
    private var tokenPath: String { "/tmp/weir-demo-\(getpid()).token" }

    /// - Throws: `CommandFailure` if a request of the tour failed.
    func run() throws {
        let token =
            String(Machine.randomBits(), radix: 36) + String(Machine.randomBits(), radix: 36)
        try PrivateFile.write(token, to: tokenPath)
        defer { PrivateFile.remove(tokenPath) }
        let program = try Program()
        let names = try DemoNames(loop: program.loop)
        let first = try DemoTown.makeFirst()
        let configuration = try makeConfiguration(dns: names.address, port: first.address.port)
        let (news, verdict) = (names.news, Verdict())
        try program.run(source: { configuration }) {
            _ = try WorkerThread(name: "tour") {
                let failures = tour(DemoTown(first: first, news: news), configuration, token)
                verdict.failures.withLock { $0 = failures }
                guard ending == .stay else { return _ = kill(getpid(), SIGTERM) }
                DemoClient(target: configuration.listeners[0].bind).goOn()
            }
        }
        let failures = verdict.failures.withLock { $0 }
        guard failures.isEmpty else {
            let reasons = Set(failures).joined(separator: "; ")
            throw CommandFailure("\(failures.count) requests failed: \(reasons)")
        }
    }

    /// Two pools behind a split, all of it on loopback.
    private func makeConfiguration(
        dns: SocketAddress, port: UInt16
    ) throws(SystemError) -> Configuration {
        var configuration = Configuration()
        let web = try Demo.free(SocketAddress.loopback.withPort(8080), for: "requests")
        configuration.listeners = [ListenerConfiguration(name: "web", bind: web, mode: .http)]
        configuration.routes = [RouteConfiguration(target: .split("web"))]
        configuration.splits = [
            SplitConfiguration(name: "web", weights: [("stable", 100), ("canary", 0)])
        ]
        let services = [("stable", DemoTown.Service.app), ("canary", .canary)]
        configuration.pools = services.map { name, service in
            var pool = PoolConfiguration(name: name)
            pool.sources = [.name(service.rawValue, port: port, weight: 1)]
            pool.probe.kind = .http(.init(path: "/"))
            return pool
        }
        configuration.dns.servers = [dns]
        configuration.admin.bind = try Demo.free(
            SocketAddress.loopback.withPort(9900), for: "admin requests")
        configuration.admin.socketPath = "/tmp/weir-demo-\(getpid()).sock"
        configuration.admin.tokenPath = tokenPath
        // What happens is told by the tour; the log would run into its lines.
        configuration.log.access = .off
        configuration.log.level = .error
        configuration.workers = 1
        configuration.statePath = nil
        return configuration
    }

    /// `wanted`, or a free port of the same address if another program has it.
    private static func free(
        _ wanted: SocketAddress, for purpose: String
    ) throws(SystemError) -> SocketAddress {
        do throws(SystemError) {
            try Socket.listen(on: wanted, sharing: .exclusive).close()
            return wanted
        } catch {
            let descriptor = try Socket.listen(on: wanted.withPort(0), sharing: .exclusive)
            defer { descriptor.close() }
            let found = Socket.localAddress(of: descriptor) ?? wanted
            Console.line("\(wanted) is taken; \(purpose) go to \(found)")
            return found
        }
    }

    /// Returns what failed.
    private func tour(
        _ town: DemoTown, _ configuration: Configuration, _ token: String
    ) -> [String] {
        let socket = configuration.admin.socketPath ?? ""
        let web = configuration.listeners[0].bind
        var tour = DemoTour(
            town: town, client: DemoClient(target: web),
            admin: AdminClient(.unixSocket(socket)), replicas: replicas)
        do {
            try tour.run()
        } catch {
            return tour.failures + ["\(error)"]
        }
        if ending == .stay { invite(web, configuration, token) }
        return tour.failures
    }

    private func invite(
        _ web: SocketAddress, _ configuration: Configuration, _ token: String
    ) {
        let socket = configuration.admin.socketPath ?? ""
        let page = configuration.admin.bind.map { "http://\($0)/#token=\(token)" } ?? ""
        let weir = CommandLine.arguments.first ?? "weir"
        Console.line(
            """

            All of it runs until Ctrl-C, with some requests every second. The dashboard:

              \(page)

            In another terminal:

              curl http://\(web)/
              \(weir) top --admin unix:\(socket)
              \(weir) shift web stable=50 canary=50 --admin unix:\(socket)
            """)
    }
}
