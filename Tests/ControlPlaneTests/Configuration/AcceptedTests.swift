import Balancing
import Testing
import Transport

@testable import ControlPlane

@Suite("Configuration: what is accepted")
struct AcceptedTests {
    @Test("Three lines are enough: a listener and a pool")
    func shortest() throws {
        let configuration = try accepted(
            """
            listeners: { web: { bind: ":8080" } }
            pools: { web: { discover: "app:3000" } }
            """)
        #expect(configuration.listeners.map(\.bind.description) == ["0.0.0.0:8080"])
        #expect(configuration.pools[0].sources == [.name("app", port: 3000, weight: 1)])
        #expect(configuration.pools[0].probe.kind == .tcp)
        #expect(configuration.routes == [RouteConfiguration(target: .pool("web"))])
    }

    @Test(
        "A bind is an address with a port, or a port alone",
        arguments: [
            ("80", "0.0.0.0:80"), ("\":80\"", "0.0.0.0:80"), ("0.0.0.0:80", "0.0.0.0:80"),
            ("127.0.0.1:0", "127.0.0.1:0"), ("\"[::]:80\"", "[::]:80"),
            ("\"[2001:db8::1]:443\"", "[2001:db8::1]:443"),
        ])
    func binds(text: String, address: String) throws {
        let configuration = try accepted(
            "listeners: { web: { bind: \(text) } }\npools: { web: { discover: 'app:1' } }")
        #expect(configuration.listeners[0].bind.description == address)
    }

    @Test("Replicas come from names, addresses and SRV records, with weights")
    func sources() throws {
        let configuration = try accepted(
            pool(
                "discover:", "  - app:8080", "  - 10.0.0.1:80", "  - '[::1]:81'",
                "  - srv:_http._tcp.app", "  - { name: host.docker.internal:3001, weight: 2 }",
                "  - { address: 10.0.0.2:80, weight: 3 }", "  - my_app-1:80"))
        let one = try #require(SocketAddress(numeric: "10.0.0.1", port: 80))
        let two = try #require(SocketAddress(numeric: "10.0.0.2", port: 80))
        let six = try #require(SocketAddress(numeric: "::1", port: 81))
        #expect(
            configuration.pools[0].sources == [
                .name("app", port: 8080, weight: 1), .address(one, weight: 1),
                .address(six, weight: 1), .service("_http._tcp.app"),
                .name("host.docker.internal", port: 3001, weight: 2), .address(two, weight: 3),
                .name("my_app-1", port: 80, weight: 1),
            ])
    }

    @Test(
        "Replicas choose what they are spoken to in where TLS is, unless the file does",
        arguments: [
            ([], .http1), (["tls: on"], .negotiated), (["tls: off"], .http1),
            (["tls: on", "protocol: http1"], .http1), (["tls: on", "protocol: http2"], .http2),
            (["tls: { verify: off }", "probe: { grpc: on }"], .http2),
            (["tls: on", "proxy_protocol: v2"], .http1),
        ] as [([String], UpstreamProtocol)])
    func protocols(lines: [String], expected: UpstreamProtocol) throws {
        let configuration = try accepted(pool(lines.joined(separator: "\n    ")))
        #expect(configuration.pools[0].settings.upstreamProtocol == expected)
    }

    @Test("A probe may be HTTP, TCP or off")
    func probes() throws {
        let http = try accepted(
            pool("probe: { http: /up, host: a.b, status: [200, 300-399], body: ok, rise: 3 }"))
        var expected = ProbeConfiguration.HTTPProbe(path: "/up")
        expected.host = "a.b"
        expected.status = [200...200, 300...399]
        expected.body = "ok"
        #expect(http.pools[0].probe.kind == .http(expected))
        #expect(http.pools[0].probe.rise == 3)
        #expect(try accepted(pool("probe: { tcp: true, fall: 5 }")).pools[0].probe.fall == 5)
        #expect(try accepted(pool("probe: { interval: 2s }")).pools[0].probe.kind == .tcp)
        #expect(try accepted(pool("probe: off")).pools[0].probe.kind == .off)
    }

    @Test("Times and sizes have units")
    func units() throws {
        let configuration = try accepted(
            pool(
                "hold: { timeout: 2m }",
                "timeouts: { connect: 50ms, first_byte: 1h, tunnel_idle: off }")
                + "\nlimits: { request_head: 64kB, response_head: 16KiB, read_ahead: 1MB }")
        let settings = configuration.pools[0].settings
        #expect(settings.holdTimeoutMilliseconds == 120_000)
        #expect(settings.connectTimeoutMilliseconds == 50)
        #expect(settings.firstByteTimeoutMilliseconds == 3_600_000)
        #expect(settings.tunnelIdleTimeoutMilliseconds == 0)
        #expect(configuration.limits.requestHeadBytesMaximum == 64_000)
        #expect(configuration.limits.responseHeadBytesMaximum == 16_384)
        #expect(configuration.limits.readAheadBytesMaximum == 1_000_000)
    }

    @Test("What is retried, and how much is held and released")
    func retries() throws {
        let settings = try accepted(
            pool(
                "retry: { statuses: [503, 504], first_byte: on, budget: 5%, floor: 0 }",
                "hold: { requests: 7, bytes: 1MB, release: 2 }")
        ).pools[0].settings
        #expect(settings.retryStatuses == [.unavailable, .gatewayTimeout])
        #expect(
            [502, 503, 504].map { settings.retryStatuses.contains($0) } == [false, true, true])
        #expect(settings.retriesFirstByte)
        #expect(settings.retryBudgetPercent == 5 && settings.retryFloorPerSecond == 0)
        #expect(settings.holdRequestsMaximum == 7 && settings.holdBytesMaximum == 1_000_000)
        #expect(settings.holdReleaseMaximum == 2)
        let one = try accepted(pool("retry: { statuses: 502 }")).pools[0].settings
        #expect(one.retryStatuses == .badGateway)
    }

    @Test("Routes match by listener, host, path, method and field")
    func routes() throws {
        let configuration = try accepted(
            """
            listeners: { web: { bind: 80 }, tcp: { bind: 81, protocol: tcp, split: s } }
            routes:
              - { pool: a }
              - listener: web
                host: "*.Example.COM"
                path: /v1/
                methods: [get, POST]
                headers: { X-One: "1", x-any: "*" }
                split: s
            splits: { s: { weights: { a: 1, b: 0 } } }
            pools: { a: { discover: "a:1" }, b: { discover: "b:1" } }
            """)
        var route = RouteConfiguration(target: .split("s"))
        route.listeners = ["web"]
        route.host = "*.example.com"
        route.path = "/v1/"
        route.methods = ["GET", "POST"]
        route.headers = [.init(name: "x-one", value: "1"), .init(name: "x-any", value: nil)]
        #expect(configuration.routes == [RouteConfiguration(target: .pool("a")), route])
        #expect(configuration.listeners[1].mode == .tcp(.split("s")))
        #expect(configuration.splits[0].weights.map(\.weight) == [1, 0])
    }

    @Test("A split may be sticky by a cookie or a hash, a pool by a cookie")
    func sticky() throws {
        let configuration = try accepted(
            """
            listeners: { web: { bind: 80 } }
            routes: [{ split: s }]
            splits:
              s: { weights: { a: 1 }, sticky: cookie, pin: [{ header: X-Canary, pool: a }] }
              t: { weights: { a: 1 }, sticky: { max_age: 30d, key_file: /k } }
              u: { weights: { a: 1 }, sticky: { hash: { header: X-User } } }
              v: { weights: { a: 1 }, sticky: { hash: { cookie: Session } } }
              w: { weights: { a: 1 }, sticky: off, pin: [{ cookie: c, pool: a }] }
            pools: { a: { discover: "a:1", sticky: cookie }, b: { discover: "b:1", sticky: off } }
            """)
        var aged = CookieConfiguration()
        aged.maxAgeMilliseconds = 30 * 86_400_000
        aged.keyFile = "/k"
        #expect(
            configuration.splits.map(\.sticky) == [
                .cookie(CookieConfiguration()), .cookie(aged), .hash(.header("x-user")),
                .hash(.cookie("Session")), .off,
            ])
        #expect(configuration.splits[0].pins == [.init(key: .header("x-canary"), pool: "a")])
        #expect(configuration.splits[4].pins == [.init(key: .cookie("c"), pool: "a")])
        #expect(
            configuration.splits.map(\.stickyText)[0...1] == ["cookie weir_s", "cookie weir_t"])
        #expect(configuration.pools.map(\.sticky) == [CookieConfiguration(), nil])
    }

    @Test("Off switches the admin and the access log off")
    func off() throws {
        let configuration = try accepted(
            pool() + "\nadmin: { bind: off, socket: off }\nlog: { access: off, level: debug }")
        #expect(configuration.admin.bind == nil)
        #expect(configuration.admin.socketPath == nil)
        #expect(configuration.log.access == .off)
        #expect(configuration.log.level == .debug)
    }

    @Test("Aliases and merge keys repeat what an anchor names")
    func aliases() throws {
        let configuration = try accepted(
            """
            listeners: { web: { bind: 80 } }
            routes: [ { pool: a } ]
            pools:
              a: &base
                discover: &name "a:1"
                attempts: 2
                hold: { timeout: 1s }
              b: { <<: *base, attempts: 5 }
              c: { <<: [*base], discover: ["c:1", *name] }
            """)
        #expect(configuration.pools[1].sources == configuration.pools[0].sources)
        #expect(configuration.pools.map(\.settings.attemptsMaximum) == [2, 5, 2])
        #expect(configuration.pools.map(\.settings.holdTimeoutMilliseconds) == [1000, 1000, 1000])
        #expect(configuration.pools[2].sources.count == 2)
    }

    @Test("The environment fills in values, with defaults and plain dollars")
    func environment() throws {
        let text = pool(
            "discover: \"${HOST:-app}:${PORT}\"", "probe: { http: /a, body: '$$5 ${EMPTY:-x}' }")
        let configuration = try accepted(text, environment: ["PORT": "81", "EMPTY": ""])
        #expect(configuration.pools[0].sources == [.name("app", port: 81, weight: 1)])
        guard case .http(let probe) = configuration.pools[0].probe.kind else {
            Issue.record("the probe is not HTTP")
            return
        }
        #expect(probe.body == "$5 x")
    }

    @Test("The environment cannot add structure")
    func injection() {
        let value = "app:80 }, evil: { discover: \"x:1\" }\nadmin: { bind: 0.0.0.0:1 }"
        let outcome = read(pool("discover: ${X}"), environment: ["X": value])
        #expect(outcome.configuration == nil)
        #expect(outcome.problems.map(\.line) == [4])
    }

    @Test("A text may begin with a byte order mark")
    func byteOrderMark() throws {
        _ = try accepted("\u{feff}" + pool())
        #expect(problems("\u{feff}lisers: 1").first?.hasPrefix("1:1: ") == true)
    }

    @Test("The flags of weir run make a configuration")
    func flags() throws {
        let outcome = ConfigurationReader.fromFlags(
            listen: [":8080", "127.0.0.1:81"], to: ["app:3000", "10.0.0.1:80"], probe: "/healthz")
        let configuration = try #require(outcome.configuration)
        #expect(configuration.listeners.map(\.name) == ["web", "web-2"])
        #expect(configuration.pools[0].sources.count == 2)
        #expect(configuration.pools[0].probe.kind == .http(.init(path: "/healthz")))
        #expect(configuration.routes == [RouteConfiguration(target: .pool("app"))])
    }

    @Test("Wrong flags are problems in the place of the flag")
    func wrongFlags() {
        let outcome = ConfigurationReader.fromFlags(
            listen: ["localhost:80", ":80", ":80"], to: ["app"], probe: "healthz")
        #expect(outcome.configuration == nil)
        #expect(
            outcome.problems.map(\.description) == [
                "--listen: 'localhost' is a name; write an address of this machine,"
                    + " or ':80' for all",
                "--listen: ':80' stands here twice",
                "--to: 'app' has no port; write app:PORT",
                "--probe: found 'healthz', accepted is a path that starts with '/',"
                    + " without '?', '#' or spaces",
            ])
        let none = ConfigurationReader.fromFlags(listen: [], to: [], probe: nil)
        #expect(
            none.problems.map(\.description) == [
                "--listen: missing, such as --listen :8080", "--to: missing, such as --to app:3000",
            ])
    }
}
