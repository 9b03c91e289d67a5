import Glibc
import Transport

/// What a test waited for and did not get.
public struct NotInTime: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// A moment after which waiting is pointless.
public struct Deadline: Sendable {
    private let end: Instant

    public init(seconds: Double) {
        end = Instant.now().adding(milliseconds: Int(seconds * 1000))
    }

    /// Milliseconds that are left, never negative: the form that `poll` takes.
    public var milliseconds: Int32 { Int32(end.milliseconds(since: Instant.now())) }
    public var hasPassed: Bool { Instant.now() >= end }
}

/// Waits until `condition` holds, looking again every 5 ms.
///
/// - Throws: `NotInTime` with the words of `what` when it does not hold within `seconds`.
public func eventually(
    within seconds: Double = 5, _ what: @autoclosure () -> String,
    _ condition: () throws -> Bool
) throws {
    let deadline = Deadline(seconds: seconds)
    while true {
        if try condition() { return }
        if deadline.hasPassed { throw NotInTime("not within \(seconds) s: \(what())") }
        usleep(5_000)
    }
}

/// Milliseconds that `body` took.
public func milliseconds(of body: () throws -> Void) rethrows -> Int {
    let start = Instant.now()
    try body()
    return Instant.now().milliseconds(since: start)
}
