import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("What a process hands to the next")
struct HandoverTests {
    private static let names = ["LISTEN_FDS": "3", "LISTEN_FDNAMES": "web::admin"]

    @Test("Sockets of a service manager have its names, and are for the process that is meant")
    func activation() {
        func names(_ variables: [String: String]) -> [String] {
            let found = SocketActivation.names(process: 7) { variables[$0] }
            return found.map { "\($0.descriptor) \($0.name)" }
        }
        #expect(names(Self.names) == ["3 web", "4 ", "5 admin"])
        #expect(names(Self.names.merging(["LISTEN_PID": "7"]) { $1 }).count == 3)
        #expect(names(Self.names.merging(["LISTEN_PID": "8"]) { $1 }) == [])
        #expect(names(["LISTEN_FDS": "2"]) == ["3 unknown", "4 unknown"])
        for count in ["0", "-1", "x", "", "99999999"] {
            #expect(names(["LISTEN_FDS": count]) == [])
        }
    }

    @Test("Every socket is somebody's, and every worker has one, whatever their numbers are")
    func sharing() throws {
        for (sockets, workers) in [(1, 1), (3, 1), (1, 4), (2, 3), (5, 2)] {
            var address = SocketAddress.loopback.withPort(0)
            let descriptors = try (0..<sockets).map { _ in
                let descriptor = try Socket.listen(on: address, sharing: .perWorker)
                address = Socket.localAddress(of: descriptor) ?? address
                return descriptor
            }
            let group = InheritedSockets.Group(
                kind: .listener, name: "web", place: "", descriptors: descriptors,
                origin: .predecessor)
            let shared = try group.shared(among: workers)
            defer { shared.forEach { $0.close() } }
            #expect(shared.count == max(sockets, workers))
            #expect(Array(shared.prefix(sockets)) == descriptors)
            #expect(Set(shared).count == shared.count)
            #expect(shared.allSatisfy { Socket.localAddress(of: $0) == address })
        }
    }

    @Test("What was counted since is told by name; a row that began anew counts in whole")
    func difference() {
        func row(_ name: String, _ counts: [String: Int]) -> HandoverCounts.Row {
            HandoverCounts.Row(name: name, counts: CountsByName(counts))
        }
        var then = HandoverCounts()
        then.pools = [row("web", ["requests": 10, "retries": 3]), row("gone", ["requests": 1])]
        var now = HandoverCounts()
        now.pools = [row("web", ["requests": 15, "retries": 2]), row("new", ["requests": 4])]
        let since = now.since(then)
        #expect(since.pools.map(\.name) == ["web", "new"])
        #expect(since.pools[0].counts.counts == ["requests": 5, "retries": 2])
        #expect(since.pools[1].counts.counts == ["requests": 4])
    }

    @Test("Every counter goes over, and no gauge does")
    func columns() {
        let pools = HandoverColumns.pools.map(\.column)
        #expect(Set(pools).count == pools.count && pools.count == PoolColumn.count - 1)
        #expect(!pools.contains(PoolColumn.holding.rawValue))
        #expect(Set(HandoverColumns.pools.map(\.name)).count == pools.count)
        #expect(!HandoverColumns.replicas.contains { $0.name.hasPrefix("connectionsO") })
    }

    @Test("The records are the same after they were text")
    func records() throws {
        var state = HandoverState()
        state.saved.key = String(repeating: "0f", count: 16)
        state.counts.pools = [.init(name: "web", counts: CountsByName(["requests": 7]))]
        state.aborts = CountsByName(["app": 2])
        state.secrets = [.init(name: "tickets", digits: HexadecimalText.digits([0, 255, 16]))]
        var replica = ReplicaMemory()
        replica.address = "[::1]:80"
        replica.ejectedFor = 5
        state.pools = [.init(name: "web", ejections: 1, replicas: [replica])]
        let read = try HandoverState(json: JSONValue(parsing: Array(state.json.text.utf8)))
        #expect(read == state)
        #expect(HexadecimalText.bytes(read.secrets[0].digits) == [0, 255, 16])
        #expect(HexadecimalText.bytes("0g") == nil && HexadecimalText.bytes("0") == nil)
        let sparse = try HandoverState(json: JSONValue(parsing: Array("{\"later\": 1}".utf8)))
        #expect(sparse == HandoverState())
    }

    @Test("A variable that no weir has set is refused", arguments: ["", "x", "3", "1,2", "-4,5"])
    func variable(text: String) {
        #expect(throws: ControlError.self) { try Predecessor(text) }
    }
}
