internal import Balancing
internal import Transport

/// The listening sockets that this process began with: from the process before it, or from a
/// service manager. Each is taken once; what nobody takes is closed.
final class InheritedSockets {
    /// Sockets of one thing.
    struct Group {
        var kind: HandoverSockets.Kind
        var name: String
        /// As the configuration says it; empty: it is known by name and address only.
        var place: String
        var descriptors: [Descriptor]
        var origin: Origin
    }

    enum Origin {
        case predecessor
        /// One socket, whatever number of workers there is.
        case serviceManager
    }

    private var groups: [Group]

    init(_ groups: [Group] = []) { self.groups = groups }

    /// The sockets of a listener, of the same address, and of the same name where the kernel chose
    /// the port.
    func take(_ listener: ListenerConfiguration) -> Group? {
        let bind = listener.bind
        return take { group in
            guard group.kind == .listener else { return false }
            switch group.origin {
            case .predecessor:
                return group.place == "\(bind)" && (bind.port != 0 || group.name == listener.name)
            case .serviceManager:
                return group.name == listener.name
                    || Socket.localAddress(of: group.descriptors[0]) == bind
            }
        }
    }

    /// The socket of the admin interface at a place.
    func take(_ place: AdminServer.Place) -> Descriptor? {
        let group = take { group in
            switch (place, group.origin) {
            case (.network(let address), .predecessor):
                group.kind == .adminAddress && group.place == "\(address)"
            case (.unixSocket(let path), .predecessor):
                group.kind == .adminSocket && group.place == path
            case (.network(let address), .serviceManager):
                group.descriptors[0].listening == .network
                    && (group.name == "admin"
                        || Socket.localAddress(of: group.descriptors[0]) == address)
            case (.unixSocket, .serviceManager):
                group.descriptors[0].listening == .unix
            }
        }
        return group?.descriptors.first
    }

    /// The access log's file, if it is this one.
    func takeAccessLog(_ path: String) -> Descriptor? {
        take { $0.kind == .accessLog && $0.place == path }?.descriptors.first
    }

    /// Closes what nobody has taken, and tells what that was.
    func closeRest() -> [String] {
        let rest = groups
        groups = []
        for descriptor in rest.flatMap(\.descriptors) { descriptor.close() }
        return rest.filter { $0.kind != .accessLog }.map { group in
            group.place.isEmpty ? group.name : "\(group.name) (\(group.place))"
        }
    }

    private func take(_ isWanted: (Group) -> Bool) -> Group? {
        groups.firstIndex(where: isWanted).map { groups.remove(at: $0) }
    }
}

extension InheritedSockets.Group {
    /// Sockets for so many workers, at least one for each.
    ///
    /// None is left out, since the kernel goes on to put connections into its queue; where there
    /// are too few, workers share some. A socket that could be had anew is not: it would take
    /// connections before this process has begun to serve, and lose them if it never does.
    func shared(among workers: Int) throws(SystemError) -> [Descriptor] {
        var shared = descriptors
        while shared.count < workers {
            let like = descriptors[shared.count % descriptors.count]
            if origin == .serviceManager, like.isPerWorker,
                let address = Socket.localAddress(of: like)
            {
                shared.append(try Socket.listen(on: address, sharing: .perWorker))
            } else {
                shared.append(try like.duplicate())
            }
        }
        return shared
    }
}

/// Sockets that a service manager has opened (sd_listen_fds(3)).
enum SocketActivation {
    /// The first of them.
    static let firstDescriptor: Int32 = 3
    /// The variables, which are for this process alone.
    static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]

    /// By number, with the name of each; pure.
    ///
    /// - Returns: none if the variables are not there, or are meant for another process.
    static func names(
        process: Int32, variable: (String) -> String?
    ) -> [(descriptor: Int32, name: String)] {
        if let meant = variable("LISTEN_PID"), Int32(meant) != process { return [] }
        guard let count = variable("LISTEN_FDS").flatMap({ Int32($0) }), (1...1_024) ~= count
        else { return [] }
        let names = variable("LISTEN_FDNAMES")?.split(
            separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { index in
            let name = names.flatMap { Int(index) < $0.count ? String($0[Int(index)]) : nil }
            return (firstDescriptor + index, name ?? "unknown")
        }
    }

    /// The sockets themselves, made like weir's own. What is no listening stream socket is closed.
    static func groups(
        process: Int32, variable: (String) -> String?
    ) -> [InheritedSockets.Group] {
        names(process: process, variable: variable).compactMap { number, name in
            let descriptor = Descriptor(number)
            guard descriptor.listening != .no else {
                descriptor.close()
                return nil
            }
            descriptor.adopt()
            let place = Socket.localAddress(of: descriptor).map { "\($0)" } ?? "a unix socket"
            return InheritedSockets.Group(
                kind: .listener, name: name, place: place, descriptors: [descriptor],
                origin: .serviceManager)
        }
    }
}
