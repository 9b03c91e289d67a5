internal import Transport

/// Listens for admin requests, on TCP and on a Unix socket.
///
/// Where it listens changes in two steps, as with `ListenerSockets`: `prepare` may fail and changes
/// nothing, `commit` cannot fail.
final class AdminServer {
    /// At each place; more wait in the kernel until one ends. Whoever fills one place up cannot
    /// keep an operator away from the other.
    static let connectionsMaximum = 64

    /// A place to listen at.
    enum Place: Hashable {
        case network(SocketAddress)
        case unixSocket(String)
    }

    /// What `commit` will make true; else it must be given to `discard`.
    struct Change {
        fileprivate var wanted: [Place]
        fileprivate var opened: [Place: Descriptor]
        /// Those of the opened that another process has open as well.
        fileprivate var inherited: Set<Place> = []
    }

    private let loop: EventLoop
    private let log: StateLog
    private let feed: EventFeed?
    private let answer: AdminConnection.Answering
    private let inherited: InheritedSockets
    private var listening: [Place: Descriptor] = [:]
    private var connections: [Place: [ObjectIdentifier: AdminConnection]] = [:]

    /// - Parameters:
    ///   - feed: what readers of events get.
    ///   - inherited: sockets that are open already.
    init(
        loop: EventLoop, log: StateLog, feed: EventFeed? = nil,
        inherited: InheritedSockets = InheritedSockets(),
        answer: @escaping AdminConnection.Answering
    ) {
        self.feed = feed
        self.loop = loop
        self.inherited = inherited
        self.log = log
        self.answer = answer
    }

    /// Where it listens on TCP: with the real port where the configuration says 0.
    var address: SocketAddress? {
        for (place, descriptor) in listening {
            if case .network = place { return Socket.localAddress(of: descriptor) }
        }
        return nil
    }

    /// Opens the places that are new.
    ///
    /// - Throws: the place and why. The default path of the Unix socket is the exception: without
    ///   the right to make its folder, weir warns and goes on.
    func prepare(_ configuration: AdminConfiguration) throws(ControlError) -> Change {
        var change = Change(wanted: [], opened: [:])
        let places = [
            configuration.bind.map(Place.network),
            configuration.socketPath.map(Place.unixSocket),
        ]
        do throws(ControlError) {
            for place in places.compactMap(\.self) { try prepare(place, in: &change) }
        } catch {
            discard(change)
            throw error
        }
        return change
    }

    func commit(_ change: Change) {
        for (place, descriptor) in listening where !change.wanted.contains(place) {
            close(place, descriptor)
        }
        for (place, descriptor) in change.opened {
            listening[place] = descriptor
            watch(place, descriptor)
            log.write(.info, "admin listening on \(AdminServer.text(of: place, descriptor))")
        }
    }

    func discard(_ change: Change) {
        for (place, descriptor) in change.opened {
            // The file of a Unix socket is the other process's.
            if change.inherited.contains(place) {
                descriptor.close()
            } else {
                release(place, descriptor)
            }
        }
    }

    /// What another process needs to go on here.
    var handover: [HandoverSockets.Group] {
        listening.map { place, descriptor in
            let kind: HandoverSockets.Kind
            let name: String
            switch place {
            case .network(let address): (kind, name) = (.adminAddress, "\(address)")
            case .unixSocket(let path): (kind, name) = (.adminSocket, path)
            }
            return HandoverSockets.Group(
                kind: kind.rawValue, name: "admin", place: name,
                descriptors: [Int(descriptor.number)])
        }
    }

    /// Another process accepts here from now on. Connections go on, but those that read events:
    /// they come back, and get those of the other process.
    func handOver() {
        for connection in connections.values.flatMap(\.values) where connection.readsEvents {
            connection.close()
        }
        for descriptor in listening.values {
            loop.unwatch(descriptor)
            descriptor.close()
        }
        listening = [:]
    }

    /// Ends everything.
    func close() {
        for (place, descriptor) in listening { close(place, descriptor) }
        for connection in connections.values.flatMap(\.values) { connection.close() }
    }

    private func prepare(_ place: Place, in change: inout Change) throws(ControlError) {
        if listening[place] == nil, let descriptor = inherited.take(place) {
            change.opened[place] = descriptor
            change.inherited.insert(place)
        } else if listening[place] == nil {
            do throws(SystemError) {
                change.opened[place] = try AdminServer.open(place)
            } catch {
                guard place == .unixSocket(AdminServer.defaultPath) else {
                    throw ControlError("admin: \(error)")
                }
                log.write(
                    .warning,
                    "admin: no Unix socket, so that changes need a token: \(error)"
                        + " (set admin: { socket: PATH })")
                return
            }
        }
        change.wanted.append(place)
    }

    private static func text(of place: Place, _ descriptor: Descriptor) -> String {
        switch place {
        case .unixSocket(let path): return "unix:\(path)"
        case .network(let wanted):
            let address = Socket.localAddress(of: descriptor) ?? wanted
            return address.isLoopback
                ? "\(address)" : "\(address), for whoever can reach it to read"
        }
    }

    private static var defaultPath: String { AdminConfiguration().socketPath ?? "" }

    private static func open(_ place: Place) throws(SystemError) -> Descriptor {
        switch place {
        case .network(let address): try Socket.listen(on: address, sharing: .exclusive)
        case .unixSocket(let path): try AdminSocketFile.listen(at: path)
        }
    }

    private func close(_ place: Place, _ descriptor: Descriptor) {
        loop.unwatch(descriptor)
        listening[place] = nil
        release(place, descriptor)
    }

    private func release(_ place: Place, _ descriptor: Descriptor) {
        descriptor.close()
        if case .unixSocket(let path) = place { AdminSocketFile.remove(path) }
    }
}

/// Taking connections.
extension AdminServer {
    private func watch(_ place: Place, _ descriptor: Descriptor) {
        // It may be watched already, by whichever reason to stop ended first.
        loop.unwatch(descriptor)
        do throws(SystemError) {
            try loop.watch(descriptor, .readable) { [unowned self] _ in accept(place, descriptor) }
        } catch {
            log.write(.error, "admin: \(error)")
        }
    }

    private func accept(_ place: Place, _ listener: Descriptor) {
        do throws(SystemError) {
            while count(at: place) < AdminServer.connectionsMaximum {
                guard let (descriptor, client) = try Socket.accept(from: listener) else { return }
                take(descriptor, from: client, place)
            }
            loop.unwatch(listener)
        } catch {
            // Out of descriptors: the connection waits, and the loop must not spin meanwhile.
            log.write(.error, "admin: \(error); trying again in 100 ms")
            loop.unwatch(listener)
            loop.schedule(afterMilliseconds: 100) { [weak self] in
                guard let self, listening[place] == listener else { return }
                watch(place, listener)
            }
        }
    }

    private func count(at place: Place) -> Int { connections[place]?.count ?? 0 }

    private func take(_ descriptor: Descriptor, from client: SocketAddress?, _ place: Place) {
        let isLocal = if case .unixSocket = place { true } else { false }
        var id: ObjectIdentifier?
        let connection = AdminConnection(
            descriptor, client: isLocal ? nil : client ?? SocketAddress(high: 0, low: 0, port: 0),
            loop: loop, feed: feed, answer: answer,
            onClose: { [weak self] in
                if let id { self?.forget(id, place) }
            })
        id = ObjectIdentifier(connection)
        connections[place, default: [:]][ObjectIdentifier(connection)] = connection
        connection.start()
    }

    private func forget(_ id: ObjectIdentifier, _ place: Place) {
        let wasFull = count(at: place) == AdminServer.connectionsMaximum
        connections[place]?[id] = nil
        if wasFull, let listener = listening[place] { watch(place, listener) }
    }
}
