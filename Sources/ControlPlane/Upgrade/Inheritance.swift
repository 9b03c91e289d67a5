public import Transport

/// What this process began with: sockets of a service manager, or a predecessor whose place it
/// takes; usually neither.
public struct Inheritance {
    let predecessor: Predecessor?
    let sockets: InheritedSockets

    /// Nothing.
    public init() {
        predecessor = nil
        sockets = InheritedSockets()
    }

    /// From a predecessor.
    public init(_ predecessor: Predecessor) {
        self.predecessor = predecessor
        sockets = InheritedSockets(predecessor.sockets)
    }

    /// From a service manager, if there is one.
    ///
    /// - Parameter variable: of the environment.
    public init(process: Int32, variable: (String) -> String?) {
        predecessor = nil
        sockets = InheritedSockets(SocketActivation.groups(process: process, variable: variable))
    }

    /// The access log's file, if the predecessor has it open.
    public func accessLog(_ path: String) -> Descriptor? { sockets.takeAccessLog(path) }
}
