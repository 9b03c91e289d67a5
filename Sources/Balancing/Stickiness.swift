/// How clients of a split stay with their pool while weights change: each belongs to a slot.
public struct Stickiness: Sendable {
    /// How a client's slot is known.
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// There are no slots: each request takes a turn.
        case off
        /// From the cookie that weir gave it; a client without one is given a slot with its turn.
        case cookie
        /// By a hash of something that it sends; without that, it takes a turn.
        case hash
    }

    public let kind: Kind
    /// The cookie, if that is the kind.
    public let cookie: StickyCookie?
    /// What is hashed, if that is the kind.
    public let key: RequestKey?
    public let table: StickyTable
    /// What tells this split's cookies from those of other splits; zero if it sets none.
    public let mark: UInt64
    /// How many turns earlier schedules gave: newcomers go on where those ended.
    private let turnsBefore: UInt64
    private let slots: SlotOrder

    /// No stickiness.
    public static let off = Stickiness()

    private init() {
        (kind, cookie, key, mark, turnsBefore) = (.off, nil, nil, 0, 0)
        table = StickyTable(runs: [])
        slots = SlotOrder(table, entries: 0)
    }

    /// By a cookie that weir sets.
    ///
    /// - Parameters:
    ///   - split: the name of the split; part of what is signed.
    ///   - entries: how many the split has.
    ///   - turnsBefore: how many turns the schedules before the present one gave.
    public init(
        cookie: StickyCookie, table: StickyTable, split: String, entries: Int, turnsBefore: UInt64
    ) {
        (kind, key) = (.cookie, nil)
        self.cookie = cookie
        self.table = table
        self.turnsBefore = turnsBefore
        mark = SipHash.hash(Array("split \(split)".utf8).span, key: cookie.key)
        slots = SlotOrder(table, entries: entries)
    }

    /// By a hash of something that the client sends.
    public init(hash key: RequestKey, table: StickyTable) {
        (kind, cookie, mark, turnsBefore) = (.hash, nil, 0, 0)
        self.key = key
        self.table = table
        slots = SlotOrder(table, entries: 0)
    }

    init(copying other: Stickiness, cookie: StickyCookie?, key: RequestKey?) {
        (kind, mark, turnsBefore) = (other.kind, other.mark, other.turnsBefore)
        self.cookie = cookie
        self.key = key
        table = other.table.deepCopy()
        slots = other.slots.deepCopy()
    }

    /// A slot for the newcomer to whom an entry gave its turn of this number; nil if it has none.
    func slot(ofEntry entry: Int, turn: UInt64) -> Int? {
        slots.slot(ofEntry: entry, turn: turnsBefore &+ turn)
    }

    /// What the cookie for a slot is signed with.
    public func signature(of slot: Int, key: SigningKey) -> UInt64 {
        SipHash.hash(mark, UInt64(truncatingIfNeeded: slot), key: key)
    }

    /// The slot that a cookie's value tells; nil if this split did not set it.
    public func slot(signedIn value: Span<UInt8>, key: SigningKey) -> Int? {
        guard let (slot, signature) = CookieValue.slot(value) else { return nil }
        return signature == self.signature(of: slot, key: key) ? slot : nil
    }
}

/// The slots of each entry, and in which order newcomers get them.
private struct SlotOrder: Sendable {
    /// All slots, those of one entry side by side.
    private let slots: [UInt16]
    /// Where in `slots` each entry begins, and where the last one ends.
    private let firsts: [Int]
    /// How far apart in its slots the newcomers of two turns in a row are, by entry.
    private let steps: [UInt64]

    init(_ table: StickyTable, entries: Int) {
        let own = (0..<entries).map { table.slots(of: $0) }
        slots = own.joined().map(UInt16.init)
        firsts = own.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        steps = own.map { SlotOrder.step($0.count) }
    }

    private init(_ slots: [UInt16], _ firsts: [Int], _ steps: [UInt64]) {
        self.slots = slots
        self.firsts = firsts
        self.steps = steps
    }

    func deepCopy() -> SlotOrder {
        SlotOrder(slots.map { $0 }, firsts.map { $0 }, steps.map { $0 })
    }

    /// As many turns in a row as the entry has slots get each of them once, and any few of them are
    /// spread over all: whatever part of its slots the entry gives away, it gives away that part of
    /// its clients.
    func slot(ofEntry entry: Int, turn: UInt64) -> Int? {
        guard steps.indices.contains(entry) else { return nil }
        let count = UInt64(firsts[entry + 1] - firsts[entry])
        guard count > 0 else { return nil }
        return Int(slots[firsts[entry] + Int(turn % count * steps[entry] % count)])
    }

    /// About the golden section of `count`, and without a divisor in common with it.
    private static func step(_ count: Int) -> UInt64 {
        var step = max(1, Int(Double(count) * 0.618_033_988_749_895))
        while SplitSchedule.greatestCommonDivisor(step, count) > 1 { step += 1 }
        return UInt64(step)
    }
}

/// What stands in the cookies that weir sets.
public enum CookieValue {
    /// `SLOT.SIGNATURE`, a decimal number below 10,000 and sixteen hexadecimal digits, exactly as
    /// weir writes it; else nil. The signature is still to be judged.
    public static func slot(_ value: Span<UInt8>) -> (slot: Int, signature: UInt64)? {
        let digits = value.count - 17
        guard (1...4).contains(digits), value[digits] == UInt8(ascii: ".") else { return nil }
        guard digits == 1 || value[0] != UInt8(ascii: "0") else { return nil }
        var slot = 0
        for index in 0..<digits {
            let digit = value[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            slot = slot * 10 + Int(digit)
        }
        guard let signature = tag(value.extracting((digits + 1)...)) else { return nil }
        return (slot, signature)
    }

    /// Sixteen lower-case hexadecimal digits, exactly as weir writes them; else nil.
    public static func tag(_ value: Span<UInt8>) -> UInt64? {
        guard value.count == 16 else { return nil }
        var number: UInt64 = 0
        for index in value.indices {
            let digit = value[index] &- UInt8(ascii: "0")
            let letter = value[index] &- UInt8(ascii: "a")
            guard digit < 10 || letter < 6 else { return nil }
            number = number << 4 | UInt64(digit < 10 ? digit : letter + 10)
        }
        return number
    }
}

extension StickyCookie {
    /// What a pool's cookie says when it means the replica at this address; never zero.
    ///
    /// The address and not the name: a name may become known only after the first request.
    public func tag(pool: String, address: String) -> UInt64 {
        max(1, SipHash.hash(Array("replica \(pool) \(address)".utf8).span, key: key))
    }
}
