import Balancing
import HTTP
import Testing

@testable import DataPlane

@Suite("The order of those who wait")
struct HoldQueueTests {
    @Test("Nobody passes, nobody is forgotten, in every storm", arguments: UInt64(1)...5)
    func storm(seed: UInt64) {
        var storm = HoldStorm(seed: seed)
        for step in 0..<5_000 {
            storm.step()
            if let broken = storm.broken {
                Issue.record("seed \(seed), step \(step): \(broken)")
                return
            }
        }
        let hasStormed = storm.started > 500 && storm.cameBack > 50 && storm.leftWaiting > 25
        #expect(hasStormed)
        storm.calm()
        let broken = storm.broken
        let queue = storm.queue
        #expect(broken == nil)
        #expect(queue.isEmpty && queue.bytes == 0 && queue.releasedCount == 0)
        #expect(queue.first == nil && queue.last == nil)
    }
}

/// What a worker does with the queue of one pool, without sockets: requests come, replicas come and
/// go, attempts end well or fail, clients leave, operators pause.
struct HoldStorm: ~Copyable {
    var queue = HoldQueue()
    /// The first promise found broken.
    var broken: String?
    var started = 0
    var cameBack = 0
    var leftWaiting = 0

    private var settings = PoolSettings()
    private var slab = Slab(
        blank: Exchange(
            client: Ref<ClientConnection>(bits: 8), requestID: RequestID(high: 0, low: 0)))
    private var random: RandomBits
    private var places: UInt64 = 0
    private var replicas = 0
    private var isPaused = false
    private var working: [Ref<Exchange>] = []
    private var waiting: [Ref<Exchange>] = []

    init(seed: UInt64) {
        random = RandomBits(seed: seed)
        settings.holdRequestsMaximum = 40
        settings.holdBytesMaximum = 40 * 1_000
        settings.holdReleaseMaximum = 3
    }

    mutating func step() {
        switch roll(20) {
        case 0: replicas = roll(4)
        case 1: isPaused = roll(3) == 0
        case 2...8: arrive()
        case 9...14: if let done = oneWorking() { end(done) }
        case 15...17: if let failed = oneWorking() { comeBack(failed) }
        case 18: leave()
        default: pump()
        }
        // The end of the turn.
        pump()
        check()
    }

    /// Everything works from now on.
    mutating func calm() {
        isPaused = false
        replicas = 2
        pump()
        while let done = oneWorking(), broken == nil {
            end(done)
            pump()
            check()
        }
    }

    private mutating func roll(_ sides: Int) -> Int { Int(random.next() % UInt64(sides)) }

    private mutating func oneWorking() -> Ref<Exchange>? {
        working.isEmpty ? nil : working.remove(at: roll(working.count))
    }

    private mutating func arrive() {
        let exchange = slab.make()
        let client = Ref<ClientConnection>(bits: 8)
        exchange.its = Exchange(client: client, requestID: RequestID(high: 0, low: 0))
        exchange.its.isOpen = true
        places += 1
        exchange.its.place = places
        exchange.its.heldBytes = roll(3_000)
        dispatch(exchange)
    }

    private mutating func dispatch(_ exchange: Ref<Exchange>) {
        guard !isPaused, replicas > 0, queue.isTurn(of: exchange) else { return hold(exchange) }
        started += 1
        if let other = waiting.first(where: { $0.its.place < exchange.its.place }) {
            broken = "\(exchange.its.place) went before \(other.its.place), which waits"
        }
        working.append(exchange)
    }

    private mutating func hold(_ exchange: Ref<Exchange>) {
        endRelease(exchange)
        guard queue.hasRoom(bytes: exchange.its.heldBytes, settings) else { return end(exchange) }
        queue.insert(exchange)
        waiting.append(exchange)
    }

    private mutating func comeBack(_ exchange: Ref<Exchange>) {
        cameBack += 1
        dispatch(exchange)
    }

    private mutating func leave() {
        guard !waiting.isEmpty else { return }
        let exchange = waiting.remove(at: roll(waiting.count))
        leftWaiting += 1
        queue.remove(exchange)
        end(exchange)
    }

    private mutating func end(_ exchange: Ref<Exchange>) {
        endRelease(exchange)
        slab.free(exchange)
        slab.recycle()
    }

    private mutating func endRelease(_ exchange: Ref<Exchange>) {
        if exchange.its.isReleased { queue.noteReleaseEnd(exchange) }
    }

    private mutating func pump() {
        guard !isPaused else { return }
        while let exchange = queue.next(replicas: replicas, settings) {
            queue.remove(exchange)
            waiting.removeAll { $0 == exchange }
            queue.noteReleased(exchange)
            dispatch(exchange)
        }
    }

    private mutating func check() {
        var listed: [Ref<Exchange>] = []
        var next = queue.first
        while let exchange = next {
            if exchange.its.previousHeld != listed.last { broken = "the links do not meet" }
            listed.append(exchange)
            next = exchange.its.nextHeld
        }
        let places = listed.map(\.its.place)
        if places != waiting.map(\.its.place).sorted() { broken = "\(places) wait" }
        if queue.last != listed.last || queue.count != listed.count { broken = "miscounted" }
        if queue.bytes != listed.reduce(0, { $0 + $1.its.heldBytes }) { broken = "bytes" }
        if queue.bytes > settings.holdBytesMaximum { broken = "\(queue.bytes) bytes" }
        if queue.count > settings.holdRequestsMaximum { broken = "\(queue.count) wait" }
        let released = working.count { $0.its.isReleased }
        if queue.releasedCount != released { broken = "\(released) are released" }
        let mayGo = !isPaused && queue.releasedCount < settings.holdReleaseMaximum * replicas
        if mayGo, !queue.isEmpty { broken = "\(queue.count) wait for nothing" }
    }
}
