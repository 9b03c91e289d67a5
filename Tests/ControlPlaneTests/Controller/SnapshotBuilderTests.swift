import Balancing
import Testing
import Transport

@testable import ControlPlane

@Suite("Building a snapshot")
struct SnapshotBuilderTests {
    private func status(
        _ number: UInt64, _ host: String, _ availability: Replica.Availability
    ) throws -> ReplicaStatus {
        ReplicaStatus(
            id: ReplicaID(number), address: try #require(SocketAddress(numeric: host, port: 8080)),
            name: "app-\(number)", state: .ready, cause: "probe passed", sinceWallNanoseconds: 0,
            availability: availability, weight: Int(number) + 1, lastProbe: nil)
    }

    private func builder() throws -> SnapshotBuilder {
        var web = ListenerConfiguration(
            name: "web", bind: SocketAddress.loopback.withPort(80), mode: .http)
        web.trusted = [try #require(Subnet("10.0.0.0/8"))]
        let redis = ListenerConfiguration(
            name: "redis", bind: SocketAddress.loopback.withPort(6379), mode: .tcp(.pool("cache")))
        var api = RouteConfiguration(target: .split("api"))
        api.host = "*.example.com"
        api.path = "/v1"
        api.listeners = ["web"]
        api.methods = ["GET"]
        api.headers = [.init(name: "x-beta", value: "on")]
        let split = SplitConfiguration(name: "api", weights: [("cache", 3), ("app", 1)])
        return SnapshotBuilder(
            listeners: [
                .init(row: 4, configuration: web, descriptors: [11, 12]),
                .init(row: 2, configuration: redis, descriptors: [13, 14]),
            ],
            routes: [RouteConfiguration(target: .pool("app")), api],
            splits: [RunningSplit(row: 6, configuration: split)],
            pools: [
                .init(
                    row: 9, configuration: PoolConfiguration(name: "app"),
                    replicas: [
                        (row: 30, status: try status(0, "10.0.0.2", .ready)),
                        (row: 31, status: try status(1, "10.0.0.3", .lost)),
                    ]),
                .init(row: 8, configuration: PoolConfiguration(name: "cache"), replicas: []),
            ],
            limits: Limits(), keys: SigningKeys(own: SigningKey(high: 1, low: 2)))
    }

    @Test(
        "A sticky split has its table, its cookie and its pins, and a sticky pool tags its replicas"
    )
    func sticky() throws {
        var builder = try builder()
        var configuration = SplitConfiguration(name: "api", weights: [("cache", 3), ("app", 1)])
        var cookie = CookieConfiguration()
        cookie.maxAgeMilliseconds = 3_600_000
        configuration.sticky = .cookie(cookie)
        configuration.pins = [.init(key: .header("x-canary"), pool: "app")]
        builder.splits = [RunningSplit(row: 6, configuration: configuration)]
        builder.pools[0].configuration.sticky = CookieConfiguration()
        let snapshot = builder.build(generation: 1, phase: .serving)
        let key = SigningKey(high: 1, low: 2)
        let split = snapshot.splits[0]
        #expect(
            split.stickiness.cookie
                == StickyCookie(name: "weir_api", maxAgeSeconds: 3_600, key: key))
        #expect(split.stickiness.table == StickyTable(weights: [3, 1]))
        #expect(split.pins == [Pin(key: .header("x-canary"), entry: 1)])
        #expect(snapshot.pools[0].sticky == StickyCookie(name: "weir_replica_app", key: key))
        let tags = snapshot.pools[0].replicas.map(\.stickyTag)
        #expect(!tags.contains(0) && Set(tags).count == 2)
        #expect(snapshot.pools[1].sticky == nil)
        let copy = snapshot.deepCopy()
        #expect(copy.splits[0].stickiness.table == split.stickiness.table)
        #expect(copy.splits[0].stickiness.mark == split.stickiness.mark)
        #expect(copy.splits[0].pins == split.pins)
        #expect(copy.pools[0].sticky == snapshot.pools[0].sticky)
    }

    @Test("Names become positions in the same snapshot, rows stay what they are")
    func positions() throws {
        let snapshot = try builder().build(generation: 3, phase: .serving)
        #expect(snapshot.generation == 3)
        #expect(snapshot.pools.map(\.row) == [9, 8])
        #expect(snapshot.listeners.map(\.row) == [4, 2])
        #expect(snapshot.listeners[1].mode == .tcp(.pool(1)))
        #expect(snapshot.splits[0].row == 6)
        let pools = (0..<4).compactMap { snapshot.splits[0].schedule.pool(at: $0) }
        #expect(pools.sorted() == [0, 1, 1, 1])
    }

    @Test("Sockets, trusted networks and replicas are carried over")
    func values() throws {
        let snapshot = try builder().build(generation: 1, phase: .draining(deadline: 5))
        #expect(snapshot.phase == .draining(deadline: 5))
        #expect(snapshot.listeners[0].descriptors == [11, 12])
        let inside = try #require(SocketAddress(numeric: "10.1.2.3", port: 0))
        let outside = try #require(SocketAddress(numeric: "11.1.2.3", port: 0))
        let trusted = try #require(snapshot.listeners[0].trusted.first)
        #expect(trusted.contains(high: inside.high, low: inside.low))
        #expect(!trusted.contains(high: outside.high, low: outside.low))
        let replicas = snapshot.pools[0].replicas
        #expect(replicas.map(\.row) == [30, 31])
        #expect(replicas.map(\.availability) == [.ready, .lost])
        #expect(replicas.map(\.weight) == [1, 2])
        #expect(replicas[1].port == 8080)
    }

    @Test("Routes keep their conditions, and a wildcard host its dot")
    func routes() throws {
        let routes = try builder().build(generation: 1, phase: .serving).routes.routes
        let api = try #require(routes.first { $0.target == .split(0) })
        #expect(api.row == 1)
        #expect(api.listeners == [4])
        #expect(api.host == .wildcard(".example.com"))
        #expect(api.path == "/v1")
        #expect(api.headers == [HeaderRule(name: "x-beta", value: "on")])
        let rest = try #require(routes.first { $0.target == .pool(0) })
        #expect(rest.host == .any)
        #expect(rest.listeners.isEmpty)
    }
}
