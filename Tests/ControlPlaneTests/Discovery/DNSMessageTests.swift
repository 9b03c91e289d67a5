import Testing
import Transport

@testable import ControlPlane

/// The parser on bytes made by hand: whatever comes, it ends, and says what is wrong.
struct DNSMessageTests {
    let question = DNSQuestion(name: "app", type: .a)
    /// A response to `app A` with two addresses; the second owner is a pointer to the first.
    let valid: [UInt8] = [
        0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 3, 97, 112, 112, 0, 0, 1, 0, 1,
        0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 172, 18, 0, 3,
        0xc0, 21, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 172, 18, 0, 4,
    ]

    func isMalformed(_ bytes: [UInt8]) -> Bool {
        if case .malformed = DNSParser.parse(bytes, question: question).outcome {
            true
        } else {
            false
        }
    }

    @Test("A response by hand is read")
    func byHand() {
        let answer = DNSParser.parse(valid, question: question)
        #expect(
            answer.records == [.address(address("172.18.0.3")), .address(address("172.18.0.4"))])
    }

    @Test("A response cut anywhere is malformed, unless it says that it is truncated")
    func cut() {
        var truncated = valid
        truncated[2] |= 0x02
        for end in 0..<valid.count {
            #expect(isMalformed(Array(valid[..<end])), "cut at \(end)")
        }
        for end in 21..<valid.count {
            let answer = DNSParser.parse(Array(truncated[..<end]), question: question)
            #expect(answer.isTruncated)
            #expect(answer.records.count == (end < 37 ? 0 : 1), "cut at \(end)")
        }
    }

    @Test(
        "Pointers that lead to themselves, forwards, or in a circle end the reading",
        arguments: [
            [UInt8](arrayLiteral: 0xc0, 21), [0xc0, 23, 0xc0, 21], [0xc0, 60], [0xff, 0xff],
        ])
    func loops(name: [UInt8]) {
        #expect(isMalformed(Array(valid[..<21]) + name + Array(valid[23...])))
    }

    @Test("Names of forbidden bytes and lengths are malformed")
    func names() {
        for byte in [0, 32, 46, 127, 255] as [UInt8] {
            var bytes = valid
            bytes[14] = byte
            #expect(isMalformed(bytes), "byte \(byte)")
        }
        var bytes = valid
        bytes[12] = 0x40
        #expect(isMalformed(bytes))
    }

    @Test("Records of other names, classes and types do not count")
    func strangers() {
        var otherType = valid
        otherType[24] = 99
        #expect(DNSParser.parse(otherType, question: question).records.count == 1)
        var otherClass = valid
        otherClass[26] = 3
        #expect(DNSParser.parse(otherClass, question: question).records.count == 1)
        let stranger: [UInt8] = [1, 120, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]
        let bytes = Array(valid[..<7]) + [1, 0, 0, 0, 0] + Array(valid[12..<21]) + stranger
        #expect(DNSParser.parse(bytes, question: question).outcome == .empty)
    }

    @Test("An address of a wrong length is malformed")
    func lengths() {
        var bytes = valid
        bytes[32] = 5
        #expect(isMalformed(bytes))
    }

    @Test("Aliases in a circle end the search")
    func aliasCircle() {
        let alias: [UInt8] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 12]
        let bytes = Array(valid[..<7]) + [1, 0, 0, 0, 0] + Array(valid[12..<21]) + alias
        #expect(DNSParser.parse(bytes, question: question).outcome == .empty)
    }

    @Test("Forty thousand damaged responses are read without harm")
    func damage() {
        var random = SystemRandomNumberGenerator()
        var malformed = 0
        for _ in 0..<40_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...4, using: &random))
            if isMalformed(bytes) { malformed += 1 }
        }
        #expect(malformed > 0)
    }

    @Test("The files of this host are read as the C library does")
    func files() {
        let resolver = "# made by docker\nsearch a b\nnameserver 127.0.0.11\noptions ndots:0\n"
        #expect(SystemNames.servers(inResolverFile: resolver) == [address("127.0.0.11", port: 53)])
        #expect(SystemNames.servers(inResolverFile: "nameserver\nnameserver x").isEmpty)
        let hosts =
            "127.0.0.1 localhost\n::1\tlocalhost six # not this\n172.17.0.1\thost.docker.internal\n"
        #expect(
            SystemNames.addresses(of: "LOCALHOST", inHostsFile: hosts) == [address("127.0.0.1")])
        #expect(SystemNames.addresses(of: "six", inHostsFile: hosts) == [address("::1")])
        #expect(SystemNames.addresses(of: "host.docker.internal", inHostsFile: hosts).count == 1)
        #expect(SystemNames.addresses(of: "this", inHostsFile: hosts).isEmpty)
        #expect(SystemNames.addresses(of: "127.0.0.1", inHostsFile: hosts).isEmpty)
    }
}

struct EmbeddedDNSTests {
    @Test("The embedded server answers addresses, names, nothing, and no such name")
    func answers() throws {
        let loop = try EventLoop()
        let server = try EmbeddedDNS(loop: loop)
        defer { server.stop() }
        var configuration = DNSConfiguration()
        configuration.servers = [server.address]
        let resolver = try Resolver(loop: loop, configuration: configuration)
        defer { resolver.close() }
        let replicas = (1...100).map { address("127.0.1.\($0)") }
        server.set("App", to: replicas)
        server.setName("demo-app-1", of: replicas[0])
        var answers: [String: DNSAnswer] = [:]
        resolver.ask("app", .a) { answers["a"] = $0 }
        resolver.ask("app", .aaaa) { answers["aaaa"] = $0 }
        resolver.ask("other", .a) { answers["other"] = $0 }
        resolver.askName(of: replicas[0]) { answers["ptr"] = $0 }
        loop.turn { answers.count == 4 }
        #expect(Set(answers["a"]?.records ?? []) == Set(replicas.map { .address($0) }))
        #expect(answers["aaaa"]?.outcome == .empty)
        #expect(answers["other"]?.outcome == .noSuchName)
        #expect(answers["ptr"]?.records == [.host("demo-app-1")])
        server.set("app", to: [])
        var last: DNSAnswer?
        resolver.ask("app", .a) { last = $0 }
        loop.turn { last != nil }
        #expect(last?.outcome == .noSuchName)
    }
}
