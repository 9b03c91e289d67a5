internal import Synchronization

/// Named weights over pools, turned into an exact schedule.
public struct Split: Sendable {
    public var row: Int
    public var name: String
    public var schedule: SplitSchedule
    /// Counts the requests of all workers together, so that the schedule is exact over all of them.
    public var ticket: SplitTicket

    public init(row: Int, name: String, schedule: SplitSchedule, ticket: SplitTicket) {
        self.row = row
        self.name = name
        self.schedule = schedule
        self.ticket = ticket
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
}
