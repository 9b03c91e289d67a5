/// Which pool each request of a cycle goes to.
public struct SplitSchedule: Sendable {
    public init() {}
}
