import TestSupport
import Testing
import Transport

@testable import ControlPlane

/// The resolver on real sockets, against a server that misbehaves as told.
final class ResolverTests {
    let server: ScriptedDNS
    let loop: EventLoop
    let resolver: Resolver

    init() throws {
        server = try ScriptedDNS()
        loop = try EventLoop()
        var configuration = DNSConfiguration()
        configuration.servers = [server.address]
        configuration.timeoutMilliseconds = 100
        resolver = try Resolver(loop: loop, configuration: configuration)
    }

    deinit {
        resolver.close()
        server.stop()
    }

    func ask(_ name: String, _ type: DNSRecordType = .a) -> DNSAnswer? {
        var answer: DNSAnswer?
        resolver.ask(name, type) { answer = $0 }
        loop.turn { answer != nil }
        return answer
    }

    func addresses(_ answer: DNSAnswer?) -> Set<String> {
        Set(
            (answer?.records ?? []).compactMap { record in
                if case .address(let address) = record { address.host } else { nil }
            })
    }

    @Test("An answer gives all addresses, in whatever order")
    func positive() {
        server.say(.addresses(["172.18.0.3", "172.18.0.4"]), about: "app")
        let answer = ask("app")
        #expect(addresses(answer) == ["172.18.0.3", "172.18.0.4"])
        #expect(answer?.isTruncated == false)
    }

    @Test("A name that was asked with capitals is found")
    func capitals() {
        server.say(.addresses(["172.18.0.3"]), about: "app")
        #expect(addresses(ask("App")) == ["172.18.0.3"])
    }

    @Test(
        "Each way of there being no record is told apart",
        arguments: [
            (ScriptedDNS.Reply.noSuchName, DNSAnswer.Outcome.noSuchName),
            (.empty, .empty),
            (.serverFailure, .serverFailure),
            (.refused, .refused),
            (.silence, .timeout),
            (.noise, .timeout),
            (.wrongID(["10.0.0.1"]), .timeout),
        ])
    func negatives(reply: ScriptedDNS.Reply, outcome: DNSAnswer.Outcome) {
        server.say(reply, about: "app")
        #expect(ask("app")?.outcome == outcome)
    }

    @Test("An answer that breaks the format is malformed, whatever it claims to hold")
    func garbage() {
        server.say(.garbage, about: "app")
        guard case .malformed = ask("app")?.outcome else {
            Issue.record("garbage was taken for \(String(describing: ask("app")))")
            return
        }
    }

    @Test("A silent server is asked twice, and then given up")
    func retries() {
        server.say(.silence, about: "app")
        let start = Instant.now()
        #expect(ask("app")?.outcome == .timeout)
        let milliseconds = Instant.now().milliseconds(since: start)
        #expect(server.count(of: "app") == 2)
        #expect((150...2_000).contains(milliseconds))
    }

    @Test("A slow answer within the time-out counts")
    func slow() {
        server.say(.delayed(.addresses(["10.0.0.1"]), milliseconds: 60), about: "app")
        #expect(addresses(ask("app")) == ["10.0.0.1"])
    }

    @Test("A truncated answer is asked for again over TCP")
    func truncation() {
        let all = (1...5).map { "10.0.0.\($0)" }
        server.say(.truncated(["10.0.0.1"], overStream: .addresses(all)), about: "app")
        let answer = ask("app")
        #expect(addresses(answer) == Set(all))
        #expect(answer?.isTruncated == false)
        #expect(server.streamCount == 1)
    }

    @Test("Where TCP gives nothing, the truncated answer says that it is one")
    func truncationWithoutStream() {
        server.say(.truncated(["10.0.0.1"], overStream: .silence), about: "app")
        let answer = ask("app")
        #expect(addresses(answer) == ["10.0.0.1"])
        #expect(answer?.isTruncated == true)
    }

    @Test("300 replicas come whole")
    func many() {
        let all = (0..<300).map { "10.1.\($0 / 250).\($0 % 250 + 1)" }
        server.say(.truncated(Array(all[..<200]), overStream: .addresses(all)), about: "app")
        #expect(addresses(ask("app")) == Set(all))
        server.say(.addresses(Array(all[..<200])), about: "less")
        #expect(addresses(ask("less")).count == 200)
    }

    @Test("An alias leads to its addresses")
    func alias() {
        server.say(.alias("web.example", addresses: ["10.0.0.7"]), about: "app")
        #expect(addresses(ask("app")) == ["10.0.0.7"])
    }

    @Test("SRV and PTR records are read")
    func otherTypes() {
        server.say(
            .services([(1, 5, 8080, "a.example"), (2, 0, 81, "b.example")]), about: "s", .srv)
        server.name("shop-app-3.shop_default", address: "172.18.0.3")
        let first = ServiceRecord(priority: 1, weight: 5, port: 8080, target: "a.example")
        #expect(ask("s", .srv)?.records.first == .service(first))
        var answer: DNSAnswer?
        resolver.askName(of: address("172.18.0.3")) { answer = $0 }
        loop.turn { answer != nil }
        #expect(answer?.records == [.host("shop-app-3.shop_default")])
    }

    @Test("A port where nobody listens is unreachable, and soon")
    func nobody() throws {
        let socket = try Socket.datagram(on: .loopback)
        var configuration = DNSConfiguration()
        configuration.servers = [try #require(Socket.localAddress(of: socket))]
        socket.close()
        let resolver = try Resolver(loop: loop, configuration: configuration)
        defer { resolver.close() }
        var answer: DNSAnswer?
        resolver.ask("app", .a) { answer = $0 }
        loop.turn { answer != nil }
        guard case .unreachable = answer?.outcome else {
            Issue.record("got \(String(describing: answer))")
            return
        }
    }

    @Test("Where the first server fails, the second one is asked")
    func secondServer() throws {
        let second = try ScriptedDNS()
        defer { second.stop() }
        var configuration = DNSConfiguration()
        configuration.servers = [server.address, second.address]
        let resolver = try Resolver(loop: loop, configuration: configuration)
        defer { resolver.close() }
        server.say(.serverFailure, about: "app")
        second.say(.addresses(["10.0.0.9"]), about: "app")
        server.say(.refused, about: "bad")
        second.say(.serverFailure, about: "bad")
        var answers: [DNSAnswer] = []
        resolver.ask("app", .a) { answers.append($0) }
        loop.turn { answers.count == 1 }
        #expect(addresses(answers.first) == ["10.0.0.9"])
        resolver.ask("bad", .a) { answers.append($0) }
        loop.turn { answers.count == 2 }
        #expect(answers.last?.outcome == .refused)
    }

    @Test("A thousand questions at once are all answered, each once")
    func storm() {
        for index in 0..<1_000 { server.say(.addresses(["10.0.0.1"]), about: "n\(index)") }
        var counts = [Int](repeating: 0, count: 1_000)
        for index in 0..<1_000 { resolver.ask("n\(index)", .a) { _ in counts[index] += 1 } }
        #expect(loop.turn { counts.allSatisfy { $0 > 0 } })
        #expect(counts.allSatisfy { $0 == 1 })
    }

    @Test("A closed resolver says nothing more")
    func closing() {
        server.say(.silence, about: "app")
        var answers = 0
        resolver.ask("app", .a) { _ in answers += 1 }
        resolver.close()
        resolver.ask("app", .a) { _ in answers += 1 }
        let start = Instant.now()
        loop.turn { Instant.now().milliseconds(since: start) > 50 }
        #expect(answers == 0)
    }

    @Test("Names are turned round for PTR")
    func reverse() {
        #expect(Resolver.reverseName(of: address("172.18.0.3")) == "3.0.18.172.in-addr.arpa")
        let six = Resolver.reverseName(of: address("2001:db8::1"))
        #expect(six.hasPrefix("1.0.0.0."))
        #expect(six.hasSuffix(".8.b.d.0.1.0.0.2.ip6.arpa"))
    }

    @Test(
        "A name without IPv4 addresses is looked up in IPv6, and an empty AAAA takes nothing away")
    func families() {
        server.say(.addresses(["10.0.0.1"]), about: "four")
        server.say(.empty, about: "four", .aaaa)
        server.say(.empty, about: "six")
        server.say(.addresses(["fd00::1"]), about: "six", .aaaa)
        var seen: [String: Sighting] = [:]
        for name in ["four", "six", "none"] {
            NameLookup(resolver: resolver).addresses(of: name, port: 80, weight: 1) {
                seen[name] = $0
            }
        }
        loop.turn { seen.count == 3 }
        #expect(seen["four"]?.endpoints.map(\.address) == [address("10.0.0.1", port: 80)])
        #expect(seen["six"]?.endpoints.map(\.address) == [address("fd00::1", port: 80)])
        #expect(seen["none"]?.failure == .noSuchName)
        #expect(server.count(of: "four", .aaaa) == 0)
    }

    @Test("SRV targets of the most preferred priority are looked up, with their ports")
    func services() {
        server.say(
            .services([(1, 3, 81, "a"), (1, 0, 82, "b"), (9, 1, 83, "c")]), about: "s", .srv)
        server.say(.addresses(["10.0.0.1"]), about: "a")
        server.say(.addresses(["10.0.0.2"]), about: "b")
        var sighting: Sighting?
        NameLookup(resolver: resolver).service("s") { sighting = $0 }
        loop.turn { sighting != nil }
        let expected: Set = [
            Sighting.Endpoint(address: address("10.0.0.1", port: 81), weight: 3),
            Sighting.Endpoint(address: address("10.0.0.2", port: 82), weight: 1),
        ]
        #expect(Set(sighting?.endpoints ?? []) == expected)
        #expect(sighting?.isComplete == true)
        server.say(.serverFailure, about: "b")
        sighting = nil
        NameLookup(resolver: resolver).service("s") { sighting = $0 }
        loop.turn { sighting != nil }
        #expect(sighting?.endpoints.count == 1)
        #expect(sighting?.isComplete == false)
    }
}
