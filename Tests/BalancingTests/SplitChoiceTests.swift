import Testing

@testable import Balancing

@Suite("Where a request goes in a split")
struct SplitChoiceTests {
    private let key = SigningKey(high: 1, low: 2)
    private let all = UInt64.max

    private func split(_ weights: [Int], sticky: Bool = true, turnsBefore: UInt64 = 0) -> Split {
        var split = Split(
            row: 0, name: "app",
            schedule: SplitSchedule(weights.enumerated().map { .init(pool: $0, weight: $1) }),
            ticket: SplitTicket())
        guard sticky else { return split }
        split.stickiness = Stickiness(
            cookie: StickyCookie(name: "weir_app", key: key), table: StickyTable(weights: weights),
            split: "app", entries: weights.count, turnsBefore: turnsBefore)
        return split
    }

    private func wish(slot: Int? = nil, always: Int? = nil, never: Int? = nil) -> SplitWish {
        var wish = SplitWish()
        (wish.slot, wish.always, wish.never) = (slot, always, never)
        return wish
    }

    private func text(_ slot: Int, _ signature: UInt64) -> [UInt8] {
        let digits = String(signature, radix: 16)
        let padding = String(repeating: "0", count: 16 - digits.count)
        return Array("\(slot).\(padding)\(digits)".utf8)
    }

    @Test("Newcomers are shared out exactly over every 20, each with a slot of its pool")
    func newcomers() throws {
        let split = split([95, 5])
        let choices = try (0..<2_000).map { _ in
            try #require(split.choice(SplitWish(), available: all))
        }
        for start in 0..<(choices.count - 20) {
            #expect(choices[start..<start + 20].count { $0.entry == 1 } == 1)
        }
        for choice in choices {
            let slot = try #require(choice.newSlot)
            #expect(split.stickiness.table.entry(of: slot) == choice.entry)
        }
    }

    @Test("10,000 newcomers get each slot once, also where an earlier schedule stopped")
    func everySlot() throws {
        for before in [0, 1, 7_777] as [UInt64] {
            let split = split([70, 30], turnsBefore: before)
            let slots = try (0..<StickyTable.slots).map { _ in
                try #require(split.choice(SplitWish(), available: all)?.newSlot)
            }
            #expect(Set(slots).count == StickyTable.slots)
        }
    }

    @Test("When weights move, the part of the newcomers that moves is the part of the slots")
    func evenlyMoved() throws {
        let split = split([80, 20])
        let slots = try (0..<500).map { _ in
            try #require(split.choice(SplitWish(), available: all)?.newSlot)
        }
        var table = split.stickiness.table
        table.move(to: [60, 40])
        let moved = slots.count { table.entry(of: $0) == 1 }
        #expect(abs(moved - 200) <= 4, "\(moved)")
    }

    @Test("A client with a slot goes where the slot belongs, and takes no turn from others")
    func known() throws {
        let split = split([95, 5])
        for slot in stride(from: 0, to: StickyTable.slots, by: 7) {
            let choice = try #require(split.choice(wish(slot: slot), available: all))
            #expect(choice.entry == split.stickiness.table.entry(of: slot))
            #expect(choice.newSlot == nil && !choice.hasYielded)
        }
        #expect(split.ticket.taken == 0)
    }

    @Test(
        "While a pool has nothing, each of its clients goes to one other pool, and keeps its slot")
    func yielding() throws {
        let split = split([50, 30, 20])
        for slot in stride(from: 0, to: StickyTable.slots, by: 13) {
            let owner = try #require(split.stickiness.table.entry(of: slot))
            let choices = (0..<3).map { _ in
                split.choice(wish(slot: slot), available: all & ~(1 << UInt64(owner)))
            }
            #expect(choices[0]?.entry != owner && choices[0]?.hasYielded == true)
            #expect(choices[0]?.newSlot == nil)
            #expect(choices[0] == choices[1] && choices[1] == choices[2])
            #expect(split.choice(wish(slot: slot), available: 0)?.entry == owner)
        }
    }

    @Test("Always is for its pool, even without a weight; without anything ready there it yields")
    func always() throws {
        let split = split([100, 0])
        let pinned = split.choice(wish(slot: 3, always: 1), available: all)
        #expect(pinned?.entry == 1 && pinned?.newSlot == nil && pinned?.hasYielded == false)
        #expect(split.ticket.taken == 0)
        let yielded = split.choice(wish(always: 1), available: 0b01)
        #expect(yielded?.entry == 0 && yielded?.hasYielded == true && yielded?.newSlot == nil)
        #expect(split.choice(wish(always: 1), available: 0)?.entry == 1)
    }

    @Test("Never is never, ready or not, unless nothing else has a weight")
    func never() {
        let split = split([50, 50, 0])
        for _ in 0..<100 {
            let choice = split.choice(wish(never: 0), available: all)
            #expect(choice?.entry == 1 && choice?.newSlot == nil && choice?.hasYielded == false)
            #expect(split.choice(wish(never: 0), available: 0b101)?.entry == 1)
        }
        for slot in stride(from: 0, to: StickyTable.slots, by: 101) {
            #expect(split.choice(wish(slot: slot, never: 0), available: all)?.entry == 1)
        }
        let only = self.split([0, 7])
        #expect(only.choice(wish(never: 1), available: all)?.entry == 1)
    }

    @Test("No storm of weights, slots and failures brings a request to a pool without a weight")
    func storm() {
        var random = RandomSource(seed: 11)
        for _ in 0..<200 {
            var weights = (0..<4).map { _ in random.next(below: 3) * random.next(below: 50) }
            if weights.allSatisfy({ $0 == 0 }) { weights[2] = 1 }
            let split = split(weights, sticky: random.next(below: 3) > 0)
            for _ in 0..<100 {
                let slot = random.next(below: 2) == 0 ? nil : random.next(below: 10_000)
                let never = random.next(below: 4) == 0 ? random.next(below: 4) : nil
                let choice = split.choice(
                    wish(slot: slot, never: never), available: random.next() & 15)
                #expect(choice.map { weights[$0.entry] > 0 } == true, "\(weights)")
            }
        }
        #expect(split([0, 0]).choice(SplitWish(), available: all) == nil)
    }

    @Test("A cookie is believed exactly as it was signed, for its split and key")
    func signatures() {
        let split = split([1, 1])
        for slot in [0, 9, 10, 499, 9_999] {
            let value = text(slot, split.stickiness.signature(of: slot, key: key))
            #expect(split.stickiness.slot(signedIn: value.span, key: key) == slot)
            for index in value.indices {
                var forged = value
                forged[index] ^= 1
                #expect(split.stickiness.slot(signedIn: forged.span, key: key) == nil)
            }
            let otherKey = SigningKey(high: 1, low: 3)
            #expect(split.stickiness.slot(signedIn: value.span, key: otherKey) == nil)
        }
        let other = Stickiness(
            cookie: StickyCookie(name: "weir_app", key: key), table: StickyTable(weights: [1]),
            split: "app2", entries: 1, turnsBefore: 0)
        let foreign = text(7, other.signature(of: 7, key: key))
        #expect(split.stickiness.slot(signedIn: foreign.span, key: key) == nil)
    }

    @Test(
        "What is not written as weir writes it is no cookie of weir's",
        arguments: [
            "", ".", "7", "7.", ".0123456789abcdef", "7.0123456789abcde", "7.0123456789abcdef0",
            "07.0123456789abcdef", "10000.0123456789abcdef", "-1.0123456789abcdef",
            "7.0123456789ABCDEF", "7 .0123456789abcdef", "7.0123456789abcde ", "x.0123456789abcdef",
        ])
    func malformed(value: String) {
        #expect(CookieValue.slot(Array(value.utf8).span) == nil)
    }

    @Test("The tags of replicas differ by pool, address and key")
    func tags() {
        let cookie = StickyCookie(name: "a", key: key)
        let other = StickyCookie(name: "a", key: SigningKey(high: 0, low: 2))
        let tags = [
            cookie.tag(pool: "web", address: "10.0.0.1:80"),
            cookie.tag(pool: "web", address: "10.0.0.2:80"),
            cookie.tag(pool: "app", address: "10.0.0.1:80"),
            other.tag(pool: "web", address: "10.0.0.1:80"),
        ]
        #expect(Set(tags).count == 4)
    }
}

extension Split {
    /// `choose` for splits that a test does not want to be variables.
    fileprivate func choice(_ wish: SplitWish, available: UInt64) -> SplitChoice? {
        var split = self
        return split.choose(wish, available: available)
    }
}
