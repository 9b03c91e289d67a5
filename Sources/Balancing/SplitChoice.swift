/// What a request says about where it belongs in a split.
public struct SplitWish: Sendable, BitwiseCopyable {
    /// The entry that a pin is for.
    public var always: Int?
    /// The entry that a pin is against.
    public var never: Int?
    /// The slot that its cookie or hash tells.
    public var slot: Int?

    /// A request that says nothing.
    public init() {}
}

/// Where a request goes in a split.
public struct SplitChoice: Sendable, Equatable, BitwiseCopyable {
    /// Position in the entries of the split.
    public var entry: Int
    /// Another entry was due and had nothing to offer.
    public var hasYielded = false
    /// The slot that the client is given; nil: it has one, or is to have none.
    public var newSlot: Int?

    init(entry: Int) { self.entry = entry }
}

extension Split {
    /// Where a request goes: where a pin wants it, else where its slot belongs, else whose turn it
    /// is. What is due and has nothing to offer yields to the next in turn; if nobody has, the
    /// request waits where it was due. Takes a ticket only if neither pin nor slot decides.
    ///
    /// - Parameters:
    ///   - wish: what the request says.
    ///   - available: one bit for each entry whose pool has something to offer.
    /// - Returns: nil if no pool has a share.
    ///
    /// It changes nothing, and is `mutating` so that a split is not copied for each request.
    public mutating func choose(_ wish: SplitWish, available: UInt64) -> SplitChoice? {
        if let entry = wish.always {
            var choice = SplitChoice(entry: entry)
            guard available & bit(entry) == 0 else { return choice }
            if let other = schedule.entry(at: ticket.take(), available: available) {
                choice.entry = other
                choice.hasYielded = true
            }
            return choice
        }
        if let slot = wish.slot, let entry = stickiness.table.entry(of: slot) {
            // The slot in place of a ticket: while its pool yields, all requests of a client go to
            // the same other one.
            return settle(due: entry, at: UInt64(slot), wish, available)
        }
        let number = ticket.take()
        guard let due = schedule.entry(at: number) else { return nil }
        var choice = settle(due: due, at: number, wish, available)
        if stickiness.kind == .cookie, wish.never == nil {
            let turn = schedule.turn(of: choice.entry, at: number)
            choice.newSlot = stickiness.slot(ofEntry: choice.entry, turn: turn)
        }
        return choice
    }

    private mutating func settle(
        due: Int, at number: UInt64, _ wish: SplitWish, _ available: UInt64
    ) -> SplitChoice {
        var due = due
        var usable = available
        if let never = wish.never {
            let others = ~bit(never)
            // Never means never, unless nothing else has a share.
            if let other = schedule.entry(at: number, available: others) {
                if due == never { due = other }
                usable &= others
            }
        }
        var choice = SplitChoice(entry: due)
        guard usable & bit(due) == 0 else { return choice }
        if let other = schedule.entry(at: number, available: usable) {
            choice.entry = other
            choice.hasYielded = true
        }
        return choice
    }

    private func bit(_ entry: Int) -> UInt64 { 1 << UInt64(entry) }
}
