/// How many retries a pool may cost: a share of its requests in the last ten seconds, and a number
/// that is allowed for each of these seconds in any case.
///
/// Retries help when little is broken and hurt when much is: then each of them makes the load
/// grow that something breaks under. One per pool and worker; a pure value, time is a parameter.
public struct RetryBudget: Sendable, BitwiseCopyable {
    /// What it looks back on.
    public static let windowSeconds = 10
    private var requests = InlineArray<10, UInt32>(repeating: 0)
    private var retries = InlineArray<10, UInt32>(repeating: 0)
    /// The newest second that is counted.
    private var second: UInt64 = 0

    public init() {}

    /// A request came; once for each, however often it is tried.
    ///
    /// - Parameter second: of the monotonic clock.
    @inline(__always)
    public mutating func noteRequest(second: UInt64) {
        if second != self.second { advance(to: second) }
        requests[Int(second % 10)] &+= 1
    }

    /// A retry is made that the budget pays for.
    public mutating func noteRetry(second: UInt64) {
        if second != self.second { advance(to: second) }
        retries[Int(second % 10)] &+= 1
    }

    /// Whether one more retry is within the budget.
    ///
    /// - Parameters:
    ///   - percent: retries allowed for each 100 requests.
    ///   - floor: retries allowed for each second of the window in any case.
    public mutating func allowsRetry(second: UInt64, percent: Int, floor: Int) -> Bool {
        if second != self.second { advance(to: second) }
        var requestSum = 0
        var retrySum = 0
        for index in 0..<10 {
            requestSum &+= Int(requests[index])
            retrySum &+= Int(retries[index])
        }
        return retrySum < requestSum * percent / 100 + floor * RetryBudget.windowSeconds
    }

    /// Forgets the seconds that have left the window.
    @inline(never)
    private mutating func advance(to next: UInt64) {
        guard next > second else { return }
        let gone = min(next - second, 10)
        for step in 0..<gone {
            let index = Int((next - step) % 10)
            requests[index] = 0
            retries[index] = 0
        }
        second = next
    }
}
