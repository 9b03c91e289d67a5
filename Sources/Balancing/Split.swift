internal import Synchronization

/// Named weights over pools, turned into an exact schedule.
public struct Split: Sendable {
    public var row: Int
    public var name: String
    public var schedule: SplitSchedule
    /// Counts the requests of all workers together, so that the schedule is exact over all of them.
    public var ticket: SplitTicket
    /// How clients stay with their pool.
    public var stickiness = Stickiness.off
    /// The first that says something wins over slot and turn.
    public var pins: [Pin] = []

    public init(row: Int, name: String, schedule: SplitSchedule, ticket: SplitTicket) {
        self.row = row
        self.name = name
        self.schedule = schedule
        self.ticket = ticket
    }
}

/// A header or cookie by which a request says itself which pool it wants, or does not want.
public struct Pin: Sendable, Equatable {
    /// `header` or `cookie`. Its value `always` is for the pool, `never` against it, and any other
    /// says nothing.
    public var key: RequestKey
    /// Of the split.
    public var entry: Int

    public init(key: RequestKey, entry: Int) {
        self.key = key
        self.entry = entry
    }
}

/// Whose turn it is, over all workers: the one number that they share for writing.
///
/// A new schedule starts with a new ticket.
public final class SplitTicket: Sendable {
    private let next = Atomic<UInt64>(0)

    public init() {}

    /// The number of requests that took a ticket before this one.
    public func take() -> UInt64 { next.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// The number of requests that have taken a ticket.
    public var taken: UInt64 { next.load(ordering: .relaxed) }
}
