/// How long the replicas of a pool leave an unused connection open, learned from when they close
/// it, so that weir closes first and no request meets a connection that is being closed.
///
/// Three closes at nearly the same age, each a while after the one before, are a time-out of the
/// replica's: from then on weir closes at four fifths of it. Closes all at once are a replica that
/// stops and teach nothing. What was learned is doubted after a minute: the limit grows by half,
/// and again, until closes confirm it or it is back where the configuration has it.
///
/// One per pool and worker; a pure value, all times are milliseconds, `now` of the monotonic clock.
public struct IdleLimit: Sendable, BitwiseCopyable {
    /// A connection that is closed younger than this says nothing about idle time.
    static let ageMinimum = 10
    /// Closes nearer than this to each other count as one.
    static let apartMinimum = 100
    static let witnessesNeeded = 3
    static let doubtAfter = 60_000

    /// What was learned; 0 is nothing.
    private var learned = 0
    private var doubtedAt = 0
    /// The age at which the last closes came, how many these are, and when the last of them was.
    private var age = 0
    private var witnesses = 0
    private var lastClose = 0
    /// Until then closes belong to a replica that stops.
    private var deafUntil = 0

    public init() {}

    /// Whether anything was learned that `milliseconds` would tell.
    public var isLearned: Bool { learned > 0 }

    /// How long a connection is kept unused from `now` on.
    public mutating func milliseconds(configured: Int, now: Int) -> Int {
        while learned > 0, now >= doubtedAt {
            learned += learned / 2
            doubtedAt += IdleLimit.doubtAfter
            if learned >= configured { learned = 0 }
        }
        return learned > 0 ? min(learned, configured) : configured
    }

    /// A replica closed a connection that had been unused for `age`.
    public mutating func noteClose(age closed: Int, now: Int) {
        guard closed >= IdleLimit.ageMinimum, now >= deafUntil else { return }
        let isSoon = now - lastClose < IdleLimit.apartMinimum
        if witnesses > 0, abs(closed - age) <= max(3, age / 10) {
            age = min(age, closed)
            guard !isSoon else { return }
            witnesses += 1
        } else if witnesses > 0, isSoon {
            witnesses = 0
            deafUntil = now + IdleLimit.apartMinimum
            return
        } else {
            age = closed
            witnesses = 1
        }
        lastClose = now
        guard witnesses >= IdleLimit.witnessesNeeded else { return }
        learned = age * 4 / 5
        doubtedAt = now + IdleLimit.doubtAfter
    }
}
