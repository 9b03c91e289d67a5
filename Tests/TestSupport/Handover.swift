/// A value that one thread gives to another, such as a test to a replica that started before it.
public final class Handover<Value: Sendable>: Sendable {
    private let held = Guarded<Value?>(nil)

    public init() {}

    public func give(_ value: Value) { held.withLock { $0 = value } }

    /// Waits until it was given.
    public func value() throws -> Value {
        try eventually("a value is handed over") { held.withLock { $0 != nil } }
        guard let value = held.withLock({ $0 }) else { throw NotInTime("no value") }
        return value
    }
}
