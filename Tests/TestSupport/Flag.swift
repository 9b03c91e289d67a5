import Synchronization

/// A switch that a test sets and its replicas look at.
public final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    public init() {}
    public var isSet: Bool { value.load(ordering: .acquiring) }
    public func set() { value.store(true, ordering: .releasing) }
    public func clear() { value.store(false, ordering: .releasing) }
}
