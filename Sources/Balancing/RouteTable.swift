/// The routes, the most specific first.
public struct RouteTable: Sendable {
    public init() {}
}
