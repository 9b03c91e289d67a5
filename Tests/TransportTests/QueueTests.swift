import Testing
import Transport

@Suite("Between two threads")
struct QueueTests {
    @Test("A bounded queue keeps the order, drops what is too much, and counts it")
    func bounded() {
        let queue = BoundedQueue<Int>(capacity: 4)
        #expect(queue.pop() == nil)
        for value in 0..<6 { #expect(queue.push(value) == (value < 4)) }
        #expect(queue.droppedCount == 2)
        #expect((0..<4).map { _ in queue.pop() } == [0, 1, 2, 3])
        #expect(queue.pop() == nil)
        #expect(queue.push(9) && queue.pop() == 9)
    }

    @Test("All values pass from one thread to the other, in order, but the dropped ones")
    func boundedThreads() throws {
        let queue = BoundedQueue<UInt64>(capacity: 64)
        let last: UInt64 = 300_000
        let writer = try WorkerThread(name: "writer") {
            for value in 1...last { queue.push(value) }
            while !queue.push(.max) {}
        }
        var seen: UInt64 = 0
        var previous: UInt64 = 0
        let deadline = Instant.now().adding(milliseconds: 30_000)
        while Instant.now() < deadline {
            guard let value = queue.pop() else { continue }
            if value == .max { break }
            #expect(value > previous)
            previous = value
            seen += 1
        }
        writer.join()
        // Each refused end mark was counted as dropped as well.
        #expect(seen + queue.droppedCount >= last)
        #expect(seen <= last && previous <= last)
    }

    @Test("A byte ring takes whole records or none, across its end too")
    func ring() {
        let ring = ByteRing(capacity: 8)
        var buffer = Buffer.allocate(capacity: 16)
        defer { buffer.deallocate() }
        #expect(ring.isEmpty)
        #expect(ring.push("12345"))
        #expect(!ring.push("6789"))
        #expect(ring.droppedCount == 1)
        #expect(!ring.push("678"))
        ring.drain(into: &buffer)
        #expect(text(buffer) == "12345678" && ring.isEmpty)
        buffer.clear()
        #expect(ring.push("abc"))
        ring.drain(into: &buffer)
        #expect(ring.push("defghijk"))
        ring.drain(into: &buffer)
        #expect(text(buffer) == "abcdefghijk")
        #expect(!ring.push("longer than the ring") && ring.droppedCount == 2)
    }

    @Test("A byte ring drains into small buffers piece by piece")
    func ringPieces() {
        let ring = ByteRing(capacity: 16)
        var buffer = Buffer.allocate(capacity: 3)
        defer { buffer.deallocate() }
        ring.push("hello world")
        var all = ""
        while !ring.isEmpty {
            ring.drain(into: &buffer)
            all += text(buffer)
            buffer.clear()
        }
        #expect(all == "hello world")
    }

    @Test("A reader that sleeps when the ring is empty is woken for every record")
    func ringWakes() throws {
        let ring = ByteRing(capacity: 1 << 16)
        let wakeup = try Wakeup()
        let records = 200_000
        let writer = try WorkerThread(name: "writer") {
            let record = bytes("record\n")
            var random = Seeded(1)
            for _ in 0..<records {
                // Long enough for the reader to catch up every now and then.
                for _ in 0..<Int.random(in: 0...60, using: &random) { _ = ring.droppedCount }
                if ring.push(record.span) { wakeup.signal() }
            }
        }
        let received = try read(ring, wakeup, upTo: records * 7)
        writer.join()
        #expect(received + Int(ring.droppedCount) * 7 == records * 7)
    }

    /// Reads as a log writer does: to the end, then to sleep, until woken.
    private func read(_ ring: ByteRing, _ wakeup: Wakeup, upTo total: Int) throws -> Int {
        var buffer = Buffer.allocate(capacity: 4096)
        defer { buffer.deallocate() }
        var poller = try Poller()
        try poller.add(wakeup.descriptor, .readable, token: 1)
        var received = 0
        while received + Int(ring.droppedCount) * 7 < total {
            guard ring.isEmpty else {
                ring.drain(into: &buffer)
                received += buffer.count
                buffer.clear()
                continue
            }
            guard poller.wait(milliseconds: 3000) > 0 else {
                Issue.record("asleep after \(received) bytes, is empty: \(ring.isEmpty)")
                return received
            }
            wakeup.clear()
        }
        return received
    }
}
