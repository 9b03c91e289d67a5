import TestSupport
import Testing
import Transport

@testable import ControlPlane

/// The prober on real sockets.
final class ProberTests {
    let loop: EventLoop
    let prober: Prober

    init() throws {
        loop = try EventLoop()
        prober = Prober(loop: loop)
    }

    deinit { prober.close() }

    func target(
        _ address: SocketAddress, _ method: ProbeTarget.Method, timeout: Int = 1_000
    ) -> ProbeTarget {
        ProbeTarget(
            address: address, method: method, timeoutMilliseconds: timeout,
            connectTimeoutMilliseconds: 300)
    }

    func probe(_ target: ProbeTarget) -> ProbeOutcome? {
        var outcome: ProbeOutcome?
        prober.probe(target) { outcome = $0 }
        loop.turn { outcome != nil }
        return outcome
    }

    func http(_ address: SocketAddress, body: String? = nil, timeout: Int = 1_000) -> ProbeOutcome?
    {
        var probe = ProbeConfiguration.HTTPProbe(path: "/healthz?deep=1")
        probe.body = body
        return self.probe(target(address, .http(probe, host: "app:8080"), timeout: timeout))
    }

    @Test("A healthy replica passes, and was asked for the right thing")
    func passes() throws {
        let replica = try ProbedReplica(.healthy)
        defer { replica.stop() }
        #expect(http(replica.address)?.failure == nil)
        #expect(probe(target(replica.address, .connect))?.failure == nil)
        let request = try #require(replica.received.first)
        #expect(request.hasPrefix("GET /healthz?deep=1 HTTP/1.1\r\nHost: app:8080\r\n"))
        #expect(request.hasSuffix("\r\n\r\n"))
    }

    @Test("Each way to fail has its own name")
    func fails() throws {
        let replica = try ProbedReplica(.failing)
        #expect(http(replica.address)?.failure == .status(503))
        replica.behave(.healthy)
        #expect(http(replica.address, body: "well")?.failure == .body)
        replica.behave(.close)
        #expect(http(replica.address)?.failure == .closed)
        replica.behave(.silent)
        let slow = http(replica.address, timeout: 60)
        #expect(slow?.failure == .timeout(milliseconds: 60))
        #expect((60...1_000).contains(slow?.milliseconds ?? 0))
        replica.behave(.answer("SSH-2.0-OpenSSH_9.9\r\n"))
        #expect(http(replica.address)?.failure == .malformed("not HTTP/1"))
        replica.stop()
        #expect(http(replica.address)?.failure == .refused)
        #expect(probe(target(replica.address, .connect))?.failure == .refused)
    }

    @Test(
        "A connect that leads nowhere is unreachable, not late, whichever time is over first",
        arguments: [1_000, 300, 200])
    func blackHole(timeout: Int) throws {
        // A listener whose queue is full drops new connects, as a removed interface does.
        let listener = try Socket.listen(on: .loopback, sharing: .exclusive, backlog: 0)
        defer { listener.close() }
        let address = try #require(Socket.localAddress(of: listener))
        var fillers: [Descriptor] = []
        defer { for filler in fillers { filler.close() } }
        for _ in 0..<4 { fillers.append(try Socket.connect(to: address)) }
        let outcome = probe(target(address, .connect, timeout: timeout))
        let patience = min(timeout, 300)
        #expect(outcome?.failure == .unreachable("no connection after \(patience) ms"))
        #expect((patience...900).contains(outcome?.milliseconds ?? 0))
    }

    @Test("A thousand probes at once are all answered, each once")
    func many() throws {
        let replica = try ProbedReplica(.healthy)
        defer { replica.stop() }
        var passes = 0
        var failures: [ProbeFailure] = []
        let probe = ProbeConfiguration.HTTPProbe(path: "/")
        for _ in 0..<1_000 {
            let target = ProbeTarget(
                address: replica.address, method: .http(probe, host: "app"),
                timeoutMilliseconds: 10_000, connectTimeoutMilliseconds: 5_000)
            prober.probe(target) { outcome in
                if let failure = outcome.failure { failures.append(failure) } else { passes += 1 }
            }
        }
        #expect(loop.turn(within: 20) { passes + failures.count == 1_000 })
        #expect(failures.isEmpty)
    }

    @Test("A closed prober says nothing more")
    func closing() throws {
        let replica = try ProbedReplica(.silent)
        defer { replica.stop() }
        var count = 0
        prober.probe(target(replica.address, .connect)) { _ in count += 1 }
        prober.close()
        let start = Instant.now()
        loop.turn { Instant.now().milliseconds(since: start) > 30 }
        #expect(count == 0)
    }
}
