import Transport

/// Work of a test on a thread of its own, such as sending while the test receives.
public final class Background: Sendable {
    private let outcome = Guarded<Result<Void, any Error>?>(nil)

    public init(_ body: @escaping @Sendable () throws -> Void) throws {
        _ = try WorkerThread(name: "background") { [self] in
            let result = Result { try body() }
            outcome.withLock { $0 = result }
        }
    }

    /// Waits for its end and throws what it threw.
    public func join(within seconds: Double = 30) throws {
        try eventually(within: seconds, "background work ends") { outcome.withLock { $0 != nil } }
        try outcome.withLock { $0 }?.get()
    }
}
