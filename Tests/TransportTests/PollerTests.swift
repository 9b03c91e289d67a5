import Testing
import Transport

@Suite("Poller")
struct PollerTests {
    @Test("A change is reported once, and again only after new bytes")
    func edges() throws {
        let connection = try Connection()
        var watch = try Watch(connection.server)
        #expect(try watch.next() == .writable)
        #expect(watch.reported(within: 0) == nil)
        #expect(connection.client.send("one") == .bytes(3))
        #expect(try watch.next() == [.readable, .writable])
        #expect(watch.reported(within: 50) == nil)
        #expect(connection.client.send("two") == .bytes(3))
        #expect(try watch.next().contains(.readable))
        var buffer = Buffer.allocate(capacity: 64)
        defer { buffer.deallocate() }
        // A short read means drained: the next bytes make a new report without another read.
        #expect(connection.server.receive(into: &buffer) == .bytes(6))
        #expect(connection.client.send("three") == .bytes(5))
        #expect(try watch.next().contains(.readable))
    }

    @Test("Without edges a report is repeated until it is dealt with")
    func levels() throws {
        let wakeup = try Wakeup()
        var watch = try Watch(wakeup.descriptor, .readable)
        #expect(watch.reported(within: 0) == nil)
        wakeup.signal()
        wakeup.signal()
        #expect(watch.reported(within: 0) == .readable)
        #expect(watch.reported(within: 0) == .readable)
        wakeup.clear()
        #expect(watch.reported(within: 0) == nil)
    }

    @Test("A close on the other side is reported as such")
    func hangup() throws {
        let connection = try Connection()
        var watch = try Watch(connection.server)
        connection.client.shutdownWrite()
        try watch.all(of: [.readable, .readHangup])
        connection.server.shutdownWrite()
        try watch.all(of: .hangup)
    }

    @Test("Interest can be changed and withdrawn; tokens tell descriptors apart")
    func interest() throws {
        var poller = try Poller(capacity: 4)
        let wakeups = try (0..<6).map { _ in try Wakeup() }
        for (index, wakeup) in wakeups.enumerated() {
            try poller.add(wakeup.descriptor, .readable, token: UInt64(index))
            wakeup.signal()
        }
        #expect(poller.wait(milliseconds: 0) == 4)
        try poller.modify(wakeups[0].descriptor, [], token: 0)
        for wakeup in wakeups[2...] { poller.remove(wakeup.descriptor) }
        try poller.modify(wakeups[1].descriptor, .readable, token: .max)
        #expect(poller.wait(milliseconds: 0) == 1)
        #expect(poller.event(at: 0).token == .max)
        let error = #expect(throws: SystemError.self) {
            try poller.add(wakeups[1].descriptor, .readable, token: 1)
        }
        #expect(error?.operation == "epoll_ctl add")
    }

    @Test("A wait ends after its time when nothing happens")
    func timeout() throws {
        var poller = try Poller()
        let start = Instant.now()
        #expect(poller.wait(milliseconds: 20) == 0)
        #expect(Instant.now().milliseconds(since: start) >= 19)
    }
}

@Suite("Clock")
struct ClockTests {
    @Test(
        "Wall time reads as RFC 3339 in UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_009_999_999, "2000-02-28T23:59:59.009Z"),
            (951_782_400_050_000_000, "2000-02-29T00:00:00.050Z"),
            (1_795_241_935_123_000_000, "2026-11-21T06:18:55.123Z"),
        ] as [(UInt64, String)])
    func timestamps(nanoseconds: UInt64, expected: String) {
        #expect(WallClock.timestamp(nanoseconds: nanoseconds) == expected)
    }

    @Test("Time since a later instant is zero")
    func sinceLater() {
        let (early, late) = (Instant(nanoseconds: 1), Instant(nanoseconds: 5_000_001))
        #expect(late.nanoseconds(since: early) == 5_000_000 && late.milliseconds(since: early) == 5)
        #expect(early.nanoseconds(since: late) == 0)
        #expect(early.adding(milliseconds: -5) == early)
        #expect(early.adding(milliseconds: 5) == late)
    }
}
