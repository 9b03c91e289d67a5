import Synchronization

/// Something that happens once and that any number of threads can wait for.
public final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    public init() {}

    /// Lets everybody through, now and later.
    public func open() { isOpen.store(true, ordering: .releasing) }

    public var hasOpened: Bool { isOpen.load(ordering: .acquiring) }

    /// Waits until the gate is open.
    public func wait(within seconds: Double = 10) throws {
        try eventually(within: seconds, "a gate opens") { isOpen.load(ordering: .acquiring) }
    }
}
