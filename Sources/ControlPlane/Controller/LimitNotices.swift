/// What is worth a line when a limit holds somebody off: the first time at once, then at most once
/// a minute, with how often it was meanwhile. Counts in, notices out; the time is a parameter.
struct LimitNotices {
    static let intervalMilliseconds = 60_000

    /// What was counted where: one line each.
    struct Subject: Hashable {
        var listener: String
        var what: What
    }

    enum What: String, CaseIterable {
        case accepting
        case clientsRefused
        case tooSlow
    }

    private struct Record {
        var told = 0
        var quietUntil = 0
    }

    private var records: [Subject: Record] = [:]

    /// - Parameter count: how often it has been in all.
    /// - Returns: how often it was since the last notice, if that is worth one now.
    mutating func take(_ subject: Subject, count: Int, now milliseconds: Int) -> Int? {
        let record = records[subject] ?? Record()
        guard count > record.told, milliseconds >= record.quietUntil else { return nil }
        records[subject] = Record(
            told: count, quietUntil: milliseconds + LimitNotices.intervalMilliseconds)
        return count - record.told
    }

    /// Forgets listeners that are no more.
    mutating func keep(_ listeners: Set<String>) {
        records = records.filter { listeners.contains($0.key.listener) }
    }
}
