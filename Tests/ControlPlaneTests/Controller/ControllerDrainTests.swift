import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Drain and pause in the controller")
struct ControllerDrainTests {
    private let addresses = (0..<3).map { _ in LoopbackAddress.unique() }

    /// A desk with the pools `a` (two replicas) and `b` (one of them, and a third).
    private func desk() throws -> ControlDesk {
        let desk = try ControlDesk(
            ControlDesk.configuration(pools: [
                ControlDesk.pool("a", [addresses[0], addresses[1]]),
                ControlDesk.pool("b", [addresses[1], addresses[2]]),
            ]))
        try desk.control.start()
        try desk.turn(until: "ready") {
            desk.last?.pools.allSatisfy {
                $0.replicas.count == 2 && $0.replicas.allSatisfy { $0.availability == .ready }
            } == true
        }
        return desk
    }

    private func request(_ names: String..., pool: String? = nil) -> DrainRequest {
        DrainRequest(replicas: names, pool: pool)
    }

    private func availability(_ desk: ControlDesk) -> [[Replica.Availability]] {
        desk.last?.pools.map { $0.replicas.map(\.availability) } ?? []
    }

    @Test("A drained replica is closed in the next snapshot, with the end of its tunnels")
    func drain() throws {
        let desk = try desk()
        let generation = desk.controller.generation
        let now = Instant.now().nanoseconds
        let found = try desk.controller.drain(request("\(addresses[0])"))
        #expect(found.map(\.status.state) == [.draining])
        #expect(desk.controller.generation == generation + 1)
        #expect(availability(desk) == [[.closed, .ready], [.ready, .ready]])
        let end = try #require(desk.last?.pools[0].replicas[0].tunnelEnd)
        #expect(end.at >= now + 19_000_000_000 && end.at < now + 30_000_000_000)
        #expect(end.spreadNanoseconds == 5_000_000_000)
        #expect(desk.last?.pools[0].replicas[1].tunnelEnd == nil)
        #expect(
            desk.lines.contains { $0.contains("ready -> draining cause=\"drained by operator") })
        _ = try desk.controller.undrain(request("\(addresses[0])"))
        #expect(availability(desk) == [[.ready, .ready], [.ready, .ready]])
        #expect(desk.last?.pools[0].replicas[0].tunnelEnd == nil)
    }

    @Test("A bare address, and one that serves two pools, is drained in all of them")
    func everywhere() throws {
        let desk = try desk()
        _ = try desk.controller.drain(request(addresses[1].host))
        #expect(availability(desk) == [[.ready, .closed], [.closed, .ready]])
        _ = try desk.controller.undrain(request(addresses[1].host, pool: "b"))
        #expect(availability(desk) == [[.ready, .closed], [.ready, .ready]])
    }

    @Test("A replica that asks for itself is told as the cause, in all its pools")
    func byItself() throws {
        let desk = try desk()
        let found = desk.controller.drainAll(at: addresses[1].withPort(9))
        #expect(found.map(\.pool.name) == ["a", "b"])
        #expect(found.allSatisfy { $0.status.cause == "the replica asked for it" })
        #expect(!desk.lines.joined().contains("operator"))
    }

    @Test("A name that nobody has is refused with the names there are, and nothing is drained")
    func unknown() throws {
        let desk = try desk()
        let error = #expect(throws: ControlError.self) {
            try desk.controller.drain(request("\(addresses[0])", "app-9"))
        }
        let problem = try #require(error?.problems.first)
        #expect(problem.hasPrefix("there is no replica \"app-9\"; there is "))
        for address in addresses { #expect(problem.contains("\(address)")) }
        #expect(availability(desk) == [[.ready, .ready], [.ready, .ready]])
        #expect(throws: ControlError.self) {
            try desk.controller.drain(request("\(addresses[0])", pool: "b"))
        }
        #expect(throws: ControlError("there is no pool \"c\"; there is a, b")) {
            try desk.controller.drain(request("\(addresses[0])", pool: "c"))
        }
        #expect(throws: ControlError("no replica was named")) {
            try desk.controller.drain(DrainRequest())
        }
    }

    @Test("A name that means several replicas of one pool is refused with their addresses")
    func ambiguous() throws {
        let one = LoopbackAddress.unique()
        let desk = try ControlDesk(
            ControlDesk.configuration(pools: [ControlDesk.pool("a", [one, one.withPort(9)])]))
        try desk.control.start()
        try desk.turn(until: "ready") { desk.last?.pools.first?.replicas.count == 2 }
        let error = #expect(throws: ControlError.self) {
            try desk.controller.drain(request(one.host))
        }
        #expect(
            error?.description
                == "\"\(one.host)\" is 2 replicas of pool a; say which: \(one), \(one.withPort(9))")
        _ = try desk.controller.drain(request("\(one)"))
        #expect(availability(desk) == [[.closed, .ready]])
    }

    @Test("The last ready replica of a pool is drained only if that is really wanted")
    func last() throws {
        let desk = try desk()
        let both = request("\(addresses[0])", "\(addresses[1])", pool: "a")
        let error = #expect(throws: ControlError.self) { try desk.controller.drain(both) }
        #expect(error?.description.contains("pool a would have no ready replica left") == true)
        #expect(availability(desk)[0] == [.ready, .ready])
        _ = try desk.controller.drain(request("\(addresses[0])"))
        #expect(throws: ControlError.self) {
            try desk.controller.drain(request("\(addresses[1])", pool: "a"))
        }
        var forced = both
        forced.emptying = .allowed
        _ = try desk.controller.drain(forced)
        #expect(availability(desk)[0] == [.closed, .closed])
    }

    @Test("Replicas of a pool that are older than a time are drained together")
    func older() throws {
        let desk = try desk()
        var request = DrainRequest(pool: "a", olderThanMilliseconds: 3_600_000)
        #expect(try desk.controller.drain(request).isEmpty)
        request.olderThanMilliseconds = 0
        request.emptying = .allowed
        let begun = Instant.now()
        try desk.turn(until: "some time has passed") {
            Instant.now().milliseconds(since: begun) > 1
        }
        #expect(try desk.controller.drain(request).count == 2)
        #expect(availability(desk)[0] == [.closed, .closed])
        request.pool = nil
        #expect(throws: ControlError("older than which replicas? Name the pool")) {
            try desk.controller.drain(request)
        }
    }

    @Test("Whoever waits for a drain is answered, also if the last request ends in that moment")
    func waits() throws {
        let desk = try desk()
        let found = try desk.controller.drain(request("\(addresses[0])"))
        desk.adopt()
        // Busy when it is looked at first, and idle from then on.
        var looks = 0
        let waits = DrainWaits(controller: desk.controller) { _ in
            looks += 1
            return looks == 1 ? 1 : 0
        }
        var outcomes: [DrainWaits.Outcome] = []
        waits.add(found, milliseconds: 60_000) { outcome, _ in outcomes.append(outcome) }
        try desk.turn(until: "answered") { !outcomes.isEmpty }
        #expect(outcomes == [.idle])
    }

    @Test("While paused the hold time-out is that of the pause, and after it until nobody waits")
    func pause() throws {
        let desk = try desk()
        try desk.controller.pause(pool: "a", waitMilliseconds: 120_000)
        let pool = try #require(desk.last?.pools[0])
        #expect(pool.isPaused)
        #expect(pool.settings.holdTimeoutMilliseconds == 120_000)
        #expect(desk.last?.pools[1].isPaused == false)
        #expect(desk.controller.status().pools[0].waitAtMostMilliseconds == 120_000)
        let column = PoolColumn.holding.rawValue
        desk.workers.counters[0].pools.add(1, row: pool.row, column: column)
        try desk.controller.resume(pool: "a")
        desk.adopt()
        #expect(desk.last?.pools[0].isPaused == false)
        desk.controller.endResumed()
        desk.controller.publishIfDue()
        #expect(desk.last?.pools[0].settings.holdTimeoutMilliseconds == 120_000)
        desk.workers.counters[0].pools.subtract(1, row: pool.row, column: column)
        desk.controller.endResumed()
        desk.controller.publishIfDue()
        #expect(desk.last?.pools[0].settings.holdTimeoutMilliseconds == 15_000)
        #expect(desk.lines.contains { $0.contains("pool=a serving -> paused cause=\"operator\"") })
        #expect(desk.lines.contains { $0.contains("pool=a paused -> serving cause=\"operator\"") })
    }

    @Test("A pause without a time waits as long as the pool's hold does, and a reload keeps it")
    func pauseAndReload() throws {
        let desk = try desk()
        try desk.controller.pause(pool: "b", waitMilliseconds: nil)
        #expect(desk.last?.pools[1].settings.holdTimeoutMilliseconds == 15_000)
        var configuration = desk.controller.configuration
        configuration.pools[1].settings.holdTimeoutMilliseconds = 7_000
        try desk.controller.reload(configuration)
        #expect(desk.last?.pools[1].isPaused == true)
        #expect(desk.last?.pools[1].settings.holdTimeoutMilliseconds == 7_000)
        let generation = desk.controller.generation
        try desk.controller.pause(pool: "b", waitMilliseconds: nil)
        #expect(desk.controller.generation == generation, "pausing twice changes nothing")
        try desk.controller.resume(pool: "a")
        #expect(desk.controller.generation == generation, "nor does resuming what is not paused")
    }

    @Test("A pool that holds nothing cannot be paused, and no pool for ever")
    func pauseRefused() throws {
        var pool = ControlDesk.pool("a", [])
        pool.settings.holdRequestsMaximum = 0
        let desk = try ControlDesk(ControlDesk.configuration(pools: [pool]))
        try desk.control.start()
        let error = #expect(throws: ControlError.self) {
            try desk.controller.pause(pool: "a", waitMilliseconds: nil)
        }
        #expect(error?.description.contains("hold: off") == true)
        #expect(throws: ControlError.self) {
            try desk.controller.pause(pool: "a", waitMilliseconds: 0)
        }
        #expect(throws: ControlError("there is no pool \"x\"; there is a")) {
            try desk.controller.resume(pool: "x")
        }
    }
}
