internal import Glibc
internal import Transport

/// The listening sockets of all configured listeners, one per worker and listener; more where
/// another process had more workers.
///
/// A change happens in two steps: `prepare` opens what is new and may fail, `commit` cannot. The
/// sockets of a listener that is gone are closed by the workers, which use them.
struct ListenerSockets {
    /// A listener with its sockets open.
    struct Open {
        let row: Int
        var configuration: ListenerConfiguration
        /// As bound: with the real port where the file says 0.
        let address: SocketAddress
        /// As `Listener.descriptors` has them.
        let descriptors: [Descriptor]
    }

    /// What `commit` will make true. Dropped without a commit, it must be given to `discard`.
    struct Change {
        fileprivate var next: [Open]
        fileprivate var opened: [Open]
        fileprivate var rows: RowAllocator
    }

    /// In the order of the configuration.
    private(set) var open: [Open] = []
    private(set) var rows: RowAllocator
    private let workers: Int
    private let inherited: InheritedSockets

    init(
        workers: Int, rowsMaximum: Int, inherited: InheritedSockets = InheritedSockets()
    ) {
        self.workers = workers
        self.inherited = inherited
        rows = RowAllocator(rowsMaximum: rowsMaximum)
    }

    /// Opens the sockets of listeners whose address is new; the others keep theirs.
    ///
    /// - Throws: one problem for each listener that cannot be opened. Nothing is left open then.
    func prepare(_ wanted: [ListenerConfiguration]) throws(ControlError) -> Change {
        var change = Change(next: [], opened: [], rows: rows)
        var problems: [String] = []
        for listener in wanted {
            if var kept = open.first(where: { ListenerSockets.isSame($0.configuration, listener) })
            {
                kept.configuration = listener
                change.next.append(kept)
                continue
            }
            do throws(ControlError) {
                try openSockets(of: listener, in: &change)
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else {
            discard(change)
            throw ControlError(problems)
        }
        return change
    }

    /// - Parameter generation: of the snapshot that will be the first without the listeners gone.
    mutating func commit(_ change: Change, generation: UInt64) {
        rows = change.rows
        for listener in open where !change.next.contains(where: { $0.row == listener.row }) {
            rows.retire(listener.row, since: generation)
        }
        open = change.next
    }

    /// Closes what `prepare` opened.
    func discard(_ change: Change) {
        for listener in change.opened {
            for descriptor in listener.descriptors { descriptor.close() }
        }
    }

    /// Frees the rows of listeners that are gone everywhere; returns them, to be cleared.
    mutating func reclaimRows(adopted: UInt64, isQuiet: (Int) -> Bool) -> [Int] {
        rows.reclaim(adopted: adopted, isQuiet: isQuiet)
    }

    /// What another process needs to accept on the same sockets.
    var handover: [HandoverSockets.Group] {
        open.map { listener in
            HandoverSockets.Group(
                kind: HandoverSockets.Kind.listener.rawValue, name: listener.configuration.name,
                place: "\(listener.configuration.bind)",
                descriptors: listener.descriptors.map { Int($0.number) })
        }
    }

    /// A listener is its address; a port that the kernel chooses belongs to a name.
    private static func isSame(_ left: ListenerConfiguration, _ right: ListenerConfiguration)
        -> Bool
    {
        left.bind == right.bind && (left.bind.port != 0 || left.name == right.name)
    }

    private func openSockets(
        of listener: ListenerConfiguration, in change: inout Change
    ) throws(ControlError) {
        guard let row = change.rows.allocate() else {
            throw ControlError(
                "listener \(listener.name): at most \(rows.rowsMaximum) listeners are possible")
        }
        do throws(SystemError) {
            let inherited = try inheritedSockets(of: listener)
            let (address, descriptors) =
                if let inherited { inherited } else { try bind(listener.bind) }
            let opened = Open(
                row: row, configuration: listener, address: address, descriptors: descriptors)
            change.opened.append(opened)
            change.next.append(opened)
        } catch {
            throw ControlError(
                "listener \(listener.name): \(error)\(ListenerSockets.advice(error))")
        }
    }

    private func inheritedSockets(
        of listener: ListenerConfiguration
    ) throws(SystemError) -> (SocketAddress, [Descriptor])? {
        guard let group = inherited.take(listener) else { return nil }
        let descriptors = try group.shared(among: workers)
        return (Socket.localAddress(of: descriptors[0]) ?? listener.bind, descriptors)
    }

    private func bind(
        _ wanted: SocketAddress
    ) throws(SystemError) -> (SocketAddress, [Descriptor]) {
        // Sockets that share an address share it with any process of the same user. Binding it
        // alone first tells "in use by another weir" from "mine". Own listeners on the same port
        // would be in the way of that.
        if wanted.port != 0, !open.contains(where: { $0.address.port == wanted.port }) {
            try Socket.listen(on: wanted, sharing: .exclusive).close()
        }
        var address = wanted
        var descriptors: [Descriptor] = []
        do throws(SystemError) {
            for _ in 0..<workers {
                let descriptor = try Socket.listen(on: address, sharing: .perWorker)
                descriptors.append(descriptor)
                // The others must share the port that the kernel chose for the first.
                address = Socket.localAddress(of: descriptor) ?? address
            }
        } catch {
            for descriptor in descriptors { descriptor.close() }
            throw error
        }
        return (address, descriptors)
    }

    private static func advice(_ error: SystemError) -> String {
        switch error.code {
        case EADDRINUSE: "; another program, or another weir, listens there"
        case EACCES:
            "; ports below 1024 need CAP_NET_BIND_SERVICE"
                + " or the sysctl net.ipv4.ip_unprivileged_port_start"
        case EADDRNOTAVAIL: "; no network interface of this host has that address"
        default: ""
        }
    }
}
