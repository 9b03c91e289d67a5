internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// Taking over a new snapshot between two turns. Exchanges in flight go on with what they have.
extension Worker {
    mutating func adoptNewest() {
        guard let message = links.mailbox.take() else { return }
        adopt(message.snapshot)
    }

    mutating func adopt(_ new: Snapshot) {
        snapshot = new
        headLimits = HeadLimits(
            headBytesMaximum: min(new.limits.requestHeadBytesMaximum, BufferStore.largeBytes / 2),
            fieldsMaximum: min(new.limits.fieldsMaximum, Fields.capacity))
        responseLimits = HeadLimits(
            headBytesMaximum: min(new.limits.responseHeadBytesMaximum, BufferStore.largeBytes),
            fieldsMaximum: Fields.capacity)
        store.limit(toBytes: new.limits.bufferBytesPerWorkerMaximum)
        let stranded = adoptPools(new.pools)
        adoptListeners(new.listeners)
        adoptPhase(new.phase)
        counters.worker.set(new.generation, row: 0, column: WorkerColumn.generation.rawValue)
        for exchange in stranded { reroute(exchange) }
        for pool in poolsByPosition { closeConnections(of: pool) }
        for pool in poolsByPosition { wantRelease(of: pool) }
    }

    /// - Returns: the exchanges that wait for a pool which is no more, in no queue now.
    private mutating func adoptPools(_ described: [Pool]) -> [Ref<Exchange>] {
        var former: [Int: Ref<UpstreamPool>] = [:]
        for pool in poolsByPosition { former[pool.its.pool.row] = pool }
        poolsByPosition.removeAll(keepingCapacity: true)
        for description in described {
            let pool = former.removeValue(forKey: description.row) ?? makePool(description)
            let isAnnouncedAnew =
                pool.its.pool.settings.proxyProtocol != description.settings.proxyProtocol
            let formerProtocol = pool.its.pool.settings.upstreamProtocol
            pool.its.pool = description
            if isAnnouncedAnew {
                for replica in pool.its.replicas { renewTerms(of: replica) }
            }
            pool.its.needsHash = description.policy.usesHash
            pool.its.isSticky = description.sticky != nil
            pool.its.inFlightMaximum = description.settings.inFlightPerReplicaMaximum
            pool.its.isGuarded = description.circuit != .closed
            pool.its.isShut = pool.its.isGuarded && description.circuit != .trial
            adoptTLS(of: pool)
            adoptReplicas(of: pool)
            adoptProtocol(of: pool, formerProtocol)
            poolsByPosition.append(pool)
        }
        var stranded: [Ref<Exchange>] = []
        for pool in former.values { dropPool(pool, &stranded) }
        return stranded
    }

    private mutating func makePool(_ description: Pool) -> Ref<UpstreamPool> {
        let pool = pools.make()
        pool.its = UpstreamPool(
            isOpen: true, pool: description, picker: PoolPicker(seed: random.next()))
        return pool
    }

    private mutating func dropPool(
        _ pool: Ref<UpstreamPool>, _ stranded: inout [Ref<Exchange>]
    ) {
        while let exchange = pool.its.queue.first {
            release(exchange)
            stranded.append(exchange)
        }
        for replica in pool.its.replicas { retire(replica) }
        // Their slots may become other pools' replicas while exchanges still go by this pool.
        pool.its.replicas = []
        pool.its.stickyPlaces = []
        pool.its.pool.replicas = []
        pool.its.pool.backup = nil
        pool.its.picker.adopt(pool.its.pool)
        pool.its.pool.row = WorkerCounters.gonePoolRow
        pool.its.isGone = true
        freeIfUnused(pool)
    }

    mutating func freeIfUnused(_ pool: Ref<UpstreamPool>) {
        guard pool.its.isGone, pool.its.useCount == 0, pool.its.isOpen else { return }
        pools.free(pool)
    }

    private mutating func adoptReplicas(of pool: Ref<UpstreamPool>) {
        let former = pool.its.replicas
        var present: [Ref<UpstreamReplica>] = []
        for description in pool.its.pool.replicas {
            let replica = replicasByRow[description.row] ?? makeReplica(description, in: pool)
            describe(replica, as: description)
            replica.its.position = present.count
            present.append(replica)
        }
        pool.its.replicas = present
        pool.its.stickyPlaces = present.indices.filter { present[$0].its.stickyTag != 0 }
            .map { StickyPlace(tag: present[$0].its.stickyTag, position: $0) }
            .sorted { $0.tag < $1.tag }
        for replica in former {
            let position = replica.its.position
            let stays = position < present.count && present[position] == replica
            if !stays { retire(replica) }
        }
        applyAvoidance(to: pool)
    }

    /// Closes what the snapshot wants no more. Only once all of it is adopted: what is answered for
    /// a lost replica can make room for the client's next request, which goes anywhere.
    private mutating func closeConnections(of pool: Ref<UpstreamPool>) {
        for replica in pool.its.replicas {
            switch replica.its.availability {
            case .ready, .lastResort: break
            case .closed: closeIdleConnections(of: replica)
            case .lost: cutConnections(of: replica)
            }
            if replica.its.hasNewTunnelEnd { planTunnelEnds(of: replica) }
        }
    }

    private mutating func makeReplica(
        _ description: Replica, in pool: Ref<UpstreamPool>
    ) -> Ref<UpstreamReplica> {
        let replica = replicas.make()
        replica.its = UpstreamReplica(isOpen: true, pool: pool)
        pool.its.useCount += 1
        replica.its.row = description.row
        replicasByRow[description.row] = replica
        return replica
    }

    private mutating func describe(_ replica: Ref<UpstreamReplica>, as description: Replica) {
        let address = SocketAddress(
            high: description.addressHigh, low: description.addressLow, port: description.port)
        if replica.its.address != address || replica.its.addressText.isEmpty {
            replica.its.address = address
            replica.its.addressText = Array(address.description.utf8)
        }
        replica.its.name = Array(description.name.utf8)
        if replica.its.serverName != description.serverName {
            replica.its.serverName = description.serverName
            renewTerms(of: replica)
        }
        replica.its.stickyTag = description.stickyTag
        // The control plane has judged again: what this worker thought of it is out of date.
        if replica.its.availability != description.availability { replica.its.avoidedUntil = nil }
        replica.its.availability = description.availability
        replica.its.hasNewTunnelEnd = replica.its.tunnelEnd != description.tunnelEnd
        replica.its.tunnelEnd = description.tunnelEnd
    }

    /// A replica that no snapshot has any more takes no new work; its slot goes with its last
    /// connection.
    private mutating func retire(_ replica: Ref<UpstreamReplica>) {
        guard !replica.its.isGone else { return }
        replicasByRow[replica.its.row] = nil
        replica.its.isGone = true
        replica.its.availability = .closed
        closeIdleConnections(of: replica)
        leaveRow(of: replica)
        freeIfUnused(replica)
    }

    /// Once this snapshot is adopted the row may be another replica's: what is still in flight is
    /// counted in the row that is nobody's.
    private mutating func leaveRow(of replica: Ref<UpstreamReplica>) {
        let row = replica.its.row
        let gone = WorkerCounters.goneReplicaRow
        for _ in 0..<replica.its.inFlight {
            links.board.end(replicaRow: row, worker: index)
            links.board.begin(replicaRow: gone, worker: index)
        }
        let open = UInt64(replica.its.connectionCount)
        let column = ReplicaColumn.connectionsOpen.rawValue
        counters.replicas.subtract(open, row: row, column: column)
        counters.replicas.add(open, row: gone, column: column)
        replica.its.row = gone
    }

    mutating func freeIfUnused(_ replica: Ref<UpstreamReplica>) {
        guard replica.its.isGone, replica.its.connectionCount == 0, replica.its.mentions == 0,
            replica.its.inFlight == 0, replica.its.isOpen
        else { return }
        let pool = replica.its.pool
        replica.its.session = nil
        replicas.free(replica)
        pool.its.useCount -= 1
        freeIfUnused(pool)
    }

    private mutating func adoptListeners(_ described: [Listener]) {
        guard !isDraining else { return }
        for socket in listening where !described.contains(where: { $0.row == socket.row }) {
            stopListening(socket)
            leaveRow(ofListener: socket.row)
        }
        listening.removeAll { socket in !described.contains { $0.row == socket.row } }
        for listener in described where !listening.contains(where: { $0.row == listener.row }) {
            let workers = links.board.workers
            for position in stride(from: index, to: listener.descriptors.count, by: workers) {
                let socket = ListeningSocket(
                    row: listener.row, descriptor: Descriptor(listener.descriptors[position]))
                listening.append(socket)
                watch(socket)
            }
        }
        for position in listening.indices {
            listening[position].tls =
                described.first { $0.row == listening[position].row }?.tls as? TLSContext
        }
    }

    private mutating func leaveRow(ofListener row: Int) {
        let gone = WorkerCounters.goneListenerRow
        let column = ListenerColumn.open.rawValue
        for client in clients.open() where client.its.listenerRow == row {
            client.its.listenerRow = gone
            guard !client.isStream else { continue }
            counters.listeners.subtract(1, row: row, column: column)
            counters.listeners.add(1, row: gone, column: column)
        }
    }
}

/// Avoiding replicas that just failed, until the control plane has judged.
extension Worker {
    /// A connect failed: no new work there for a moment, whatever the snapshot says.
    mutating func avoid(_ replica: Ref<UpstreamReplica>) {
        guard !replica.its.isGone else { return }
        replica.its.avoidedUntil = now.adding(milliseconds: DataPlaneLimits.avoidMilliseconds)
        applyAvoidance(to: replica.its.pool)
    }

    /// Ends avoidance that has run its time; called before anybody asks what a pool has to offer.
    mutating func endAvoidance(in pool: Ref<UpstreamPool>) {
        guard pool.its.avoidanceEnds <= now else { return }
        for replica in pool.its.replicas {
            if let until = replica.its.avoidedUntil, until <= now { replica.its.avoidedUntil = nil }
        }
        applyAvoidance(to: pool)
    }

    private mutating func applyAvoidance(to pool: Ref<UpstreamPool>) {
        pool.its.avoidanceEnds = .never
        for (position, replica) in pool.its.replicas.enumerated() {
            let isAvoided = replica.its.avoidedUntil != nil
            if let until = replica.its.avoidedUntil {
                pool.its.avoidanceEnds = min(pool.its.avoidanceEnds, until)
            }
            pool.its.pool.replicas[position].availability =
                isAvoided ? .closed : replica.its.availability
        }
        pool.its.picker.adopt(pool.its.pool)
        pool.its.learns = pool.its.picker.learns
    }
}
