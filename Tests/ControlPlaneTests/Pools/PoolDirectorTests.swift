import Balancing
import TestSupport
import Testing
import Transport

@testable import ControlPlane

/// From names to replica states on real sockets: a scripted DNS server, replicas on 127.0.1.x.
final class PoolDirectorTests {
    let server: ScriptedDNS
    let loop: EventLoop
    let resolver: Resolver
    let prober: Prober
    var replicas: [String: ProbedReplica] = [:]
    var directors: [PoolDirector] = []
    var transitions: [ReplicaTransition] = []
    var notices: [String] = []
    var changes = 0
    /// All replicas listen on the same port, as those of a service do.
    var port: UInt16 = 0

    init() throws {
        server = try ScriptedDNS()
        loop = try EventLoop()
        var configuration = DNSConfiguration()
        configuration.servers = [server.address]
        configuration.intervalMilliseconds = 100
        configuration.timeoutMilliseconds = 50
        resolver = try Resolver(loop: loop, configuration: configuration)
        prober = Prober(loop: loop)
        // The first replica finds a free port, the others take the same one.
        port = try start("127.0.1.1").port
    }

    deinit {
        for director in directors { director.stop() }
        prober.close()
        resolver.close()
        for replica in replicas.values { replica.stop() }
        server.stop()
    }

    @discardableResult
    func start(
        _ host: String, _ behaviour: ProbedReplica.Behaviour = .healthy
    ) throws -> SocketAddress {
        let replica = try ProbedReplica(behaviour, on: address(host, port: port))
        replicas[host] = replica
        return replica.address
    }

    func stop(_ host: String) { replicas.removeValue(forKey: host)?.stop() }

    func configuration(
        _ sources: [PoolConfiguration.Source]? = nil, probeInterval: Int = 100
    ) -> PoolConfiguration {
        var configuration = PoolConfiguration(name: "web")
        configuration.sources = sources ?? [.name("app", port: port, weight: 1)]
        configuration.probe.kind = .http(ProbeConfiguration.HTTPProbe(path: "/healthz"))
        configuration.probe.intervalMilliseconds = probeInterval
        configuration.probe.timeoutMilliseconds = 200
        configuration.addresses = .attachedOnly
        return configuration
    }

    func direct(_ configuration: PoolConfiguration? = nil) -> PoolDirector {
        let director = PoolDirector(
            configuration ?? self.configuration(), resolver: resolver, prober: prober)
        director.canaryName = "weir"
        director.onChange = { [unowned self] in changes += 1 }
        director.onTransition = { [unowned self] in transitions.append($0) }
        director.onNotice = { [unowned self] in notices.append($0) }
        directors.append(director)
        return director
    }

    func state(_ director: PoolDirector, _ host: String) -> ReplicaState? {
        director.replicas.last { $0.address.host == host }?.state
    }

    func waitFor(
        _ states: [String: ReplicaState], _ director: PoolDirector,
        at place: SourceLocation = #_sourceLocation
    ) {
        let isThere = loop.turn(within: 15) {
            states.allSatisfy { state(director, $0.key) == $0.value }
        }
        #expect(isThere, "\(director.replicas)", sourceLocation: place)
    }

    @Test("Replicas that DNS lists and that pass are ready, under their container names")
    func ready() throws {
        try start("127.0.1.2")
        server.say(.addresses(["127.0.1.1", "127.0.1.2"]), about: "app")
        server.name("shop-app-1.shop_default", address: "127.0.1.1")
        let director = direct()
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        let first = try #require(director.replicas.first { $0.address.host == "127.0.1.1" })
        #expect(first.name == "shop-app-1")
        #expect(first.cause == "probe passed")
        #expect(first.availability == .ready)
        #expect(first.lastProbe?.outcome == "pass")
        #expect(WallClock.nanoseconds() - first.sinceWallNanoseconds < 15_000_000_000)
        #expect(director.replicas.contains { $0.name == "127.0.1.2:\(port)" })
        #expect(replicas["127.0.1.1"]?.received.first?.contains("Host: app:\(port)\r\n") == true)
        #expect(changes > 0)
        #expect(transitions.count { $0.to == .ready } == 2)
    }

    @Test("A name that does not resolve yet makes an empty pool, until it does")
    func lateName() throws {
        let director = direct()
        #expect(loop.turn { server.count(of: "app") > 2 })
        #expect(director.replicas.isEmpty)
        server.say(.addresses(["127.0.1.1"]), about: "app")
        waitFor(["127.0.1.1": .ready], director)
    }

    @Test("A replica in DNS before it listens is ready within 700 ms of listening")
    func lateListener() throws {
        server.say(.addresses(["127.0.1.3"]), about: "app")
        let director = direct(configuration(probeInterval: 1_000))
        waitFor(["127.0.1.3": .probing], director)
        loop.turn { director.replicas.first?.lastProbe != nil }
        let begin = Instant.now()
        try start("127.0.1.3")
        waitFor(["127.0.1.3": .ready], director)
        #expect(Instant.now().milliseconds(since: begin) < 700)
    }

    @Test("A replica that is killed is down by its refusal, and gone when DNS drops it")
    func killed() throws {
        try start("127.0.1.2")
        server.say(.addresses(["127.0.1.1", "127.0.1.2"]), about: "app")
        let director = direct()
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        stop("127.0.1.2")
        let id = try #require(director.replicas.first { $0.address.host == "127.0.1.2" }?.id)
        director.observe(.connectRefused, replica: id)
        #expect(state(director, "127.0.1.2") == .down)
        server.say(.addresses(["127.0.1.1"]), about: "app")
        waitFor(["127.0.1.2": .draining], director)
        #expect(director.replicas.first { $0.id == id }?.availability == .closed)
        #expect(state(director, "127.0.1.1") == .ready)
    }

    @Test("A frozen replica is lost after two probes, and ready again when it thaws")
    func frozen() throws {
        try start("127.0.1.2")
        server.say(.addresses(["127.0.1.1", "127.0.1.2"]), about: "app")
        let director = direct()
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        replicas["127.0.1.2"]?.behave(.silent)
        waitFor(["127.0.1.2": .down], director)
        #expect(director.replicas.contains { $0.availability == .lost })
        #expect(transitions.last?.cause == .probeFailed(.timeout(milliseconds: 200)))
        replicas["127.0.1.2"]?.behave(.healthy)
        waitFor(["127.0.1.2": .ready], director)
    }

    @Test(
        "No negative answer empties a pool whose replicas pass",
        arguments: [
            ScriptedDNS.Reply.noSuchName, .empty, .serverFailure, .refused, .silence, .garbage,
            .noise,
            .wrongID(["127.0.1.9"]), .addresses(["203.0.113.7"]),
            .truncated(["127.0.1.1"], overStream: .silence),
        ])
    func negatives(reply: ScriptedDNS.Reply) throws {
        try start("127.0.1.2")
        server.say(.addresses(["127.0.1.1", "127.0.1.2"]), about: "app")
        server.say(.addresses(["127.0.0.1"]), about: "weir")
        let director = direct()
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        server.say(reply, about: "app")
        let asked = server.count(of: "app")
        #expect(loop.turn(within: 20) { server.count(of: "app") >= asked + 6 })
        #expect(director.replicas.map(\.availability) == [.ready, .ready])
    }

    @Test("With a working canary, a name without replicas ends those that fail their probes")
    func noReplicas() throws {
        server.say(.addresses(["127.0.1.1"]), about: "app")
        server.say(.addresses(["127.0.0.1"]), about: "weir")
        let director = direct()
        waitFor(["127.0.1.1": .ready], director)
        server.say(.noSuchName, about: "app")
        stop("127.0.1.1")
        waitFor(["127.0.1.1": .gone], director)
        #expect(transitions.last?.cause == .nameHasNoReplicas)
    }

    @Test("Addresses outside the attached networks are refused, and told")
    func foreign() throws {
        server.say(.addresses(["203.0.113.7", "127.0.1.1"]), about: "app")
        let director = direct()
        waitFor(["127.0.1.1": .ready], director)
        #expect(director.replicas.count == 1)
        #expect(notices.count == 1)
    }

    @Test("An address that another service took over gets nothing")
    func reuse() throws {
        server.say(.addresses(["127.0.1.1"]), about: "app")
        server.name("shop-app-1.net", address: "127.0.1.1")
        let director = direct()
        waitFor(["127.0.1.1": .ready], director)
        let id = director.replicas[0].id
        server.say(.noSuchName, about: "app")
        server.name("shop-db-1.net", address: "127.0.1.1")
        #expect(loop.turn { director.replicas.first { $0.id == id }?.state == .gone })
        let asked = server.count(of: "app")
        loop.turn { server.count(of: "app") >= asked + 4 }
        #expect(
            director.replicas.allSatisfy { $0.availability != .ready },
            "\(transitions.map { ($0.id.number, $0.name, $0.to, $0.cause) })")
    }

    @Test("Fixed addresses and SRV names are sources as well")
    func sources() throws {
        try start("127.0.1.2")
        server.say(.services([(1, 7, port, "a.example")]), about: "_web._tcp.app", .srv)
        server.say(.addresses(["127.0.1.2"]), about: "a.example")
        let fixed = PoolConfiguration.Source.address(address("127.0.1.1", port: port), weight: 3)
        let director = direct(configuration([fixed, .service("_web._tcp.app")]))
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        let weights = director.replicas.map { ($0.address.host, $0.weight) }
        #expect(weights.contains { $0 == ("127.0.1.1", 3) })
        #expect(weights.contains { $0 == ("127.0.1.2", 7) })
    }

    @Test("A name in /etc/hosts needs no DNS")
    func hosts() throws {
        let replica = try ProbedReplica(.healthy)
        replicas["localhost"] = replica
        let director = direct(
            configuration([.name("localhost", port: replica.address.port, weight: 1)]))
        waitFor(["127.0.0.1": .ready], director)
        #expect(server.count(of: "localhost") == 0)
    }

    @Test("A drained replica gets no new work until it is undrained")
    func drain() throws {
        server.say(.addresses(["127.0.1.1"]), about: "app")
        let director = direct()
        waitFor(["127.0.1.1": .ready], director)
        let id = director.replicas[0].id
        #expect(director.drain(id))
        #expect(director.replicas[0].availability == .closed)
        #expect(director.undrain(id))
        #expect(director.replicas[0].availability == .ready)
        #expect(!director.drain(ReplicaID(999)))
    }

    @Test("Reconfiguring keeps what stays and drains what leaves, also with another resolver")
    func reconfigure() throws {
        try start("127.0.1.2")
        server.say(.addresses(["127.0.1.1"]), about: "app")
        let other = PoolConfiguration.Source.address(address("127.0.1.2", port: port), weight: 1)
        let name = PoolConfiguration.Source.name("app", port: port, weight: 1)
        let director = direct(configuration([name, other]))
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .ready], director)
        let since = director.replicas.map(\.sinceWallNanoseconds)
        let next = try Resolver(loop: loop, configuration: resolver.configuration)
        defer { next.close() }
        resolver.close()
        director.reconfigure(configuration([name, other]), resolver: next)
        #expect(director.replicas.map(\.sinceWallNanoseconds) == since)
        director.reconfigure(configuration([name]), resolver: next)
        waitFor(["127.0.1.1": .ready, "127.0.1.2": .draining], director)
        let asked = server.count(of: "app")
        #expect(loop.turn { server.count(of: "app") > asked + 1 })
        director.stop()
    }

    @Test("A stopped director says and asks nothing more")
    func stopping() throws {
        server.say(.addresses(["127.0.1.1"]), about: "app")
        let director = direct()
        waitFor(["127.0.1.1": .ready], director)
        director.stop()
        let before = (server.count(of: "app"), transitions.count, changes)
        let start = Instant.now()
        loop.turn { Instant.now().milliseconds(since: start) > 300 }
        #expect((server.count(of: "app"), transitions.count, changes) == before)
    }

    @Test("Three hundred replicas are all found and ready")
    func many() throws {
        // One listener on all addresses stands for all of them.
        let replica = try ProbedReplica(.healthy, on: address("0.0.0.0"))
        replicas["all"] = replica
        let hosts = (0..<300).map { "127.0.\(2 + $0 / 250).\(1 + $0 % 250)" }
        server.say(.truncated(Array(hosts[..<250]), overStream: .addresses(hosts)), about: "app")
        let director = direct(
            configuration(
                [.name("app", port: replica.address.port, weight: 1)], probeInterval: 1_000))
        #expect(loop.turn(within: 20) { director.replicas.count { $0.state == .ready } == 300 })
    }
}
