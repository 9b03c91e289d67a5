internal import Balancing
internal import Metrics
internal import Transport

/// What goes from a process to the one that takes its place.
extension Controller {
    /// What the keys of TLS session tickets are called.
    private static let ticketKeys = "ticket-keys"

    /// All that the successor needs to go on at once. Secret.
    func handoverState() -> HandoverState {
        var state = HandoverState()
        state.saved = savedState
        state.pools = pools.map { pool in
            HandoverState.PoolMemory(
                name: pool.name, ejections: pool.director.ejectionCount,
                replicas: pool.director.memories())
        }
        state.counts = handoverCounts()
        state.aborts = CountsByName(rollouts.abortCounts)
        state.secrets = [
            HandoverState.Secret(
                name: Controller.ticketKeys, digits: HexadecimalText.digits(tls.ticketSecret))
        ]
        return state
    }

    /// Takes up what the predecessor knew; before the first snapshot.
    func takeOver(_ state: HandoverState, from process: Int) {
        restore(state.saved, from: "process \(process)")
        rollouts.takeOver(aborts: state.aborts.counts)
        for secret in state.secrets where secret.name == Controller.ticketKeys {
            tls.adopt(ticketSecret: HexadecimalText.bytes(secret.digits) ?? [])
        }
        for memory in state.pools {
            guard let pool = pools.first(where: { $0.name == memory.name }) else { continue }
            pool.director.begin(with: memory)
            let ready = pool.director.replicas.count { $0.availability == .ready }
            log.write(
                .info,
                "pool=\(pool.name) \(memory.replicas.count) replicas taken over, \(ready) ready"
                    + " cause=\"upgrade of process \(process)\"")
        }
        assignReplicaRows(for: generation + 1)
        add(state.counts)
        for pool in pools { pool.noteCarried(sums) }
    }

    /// Another process accepts, and has the state: workers finish what is in flight, and cut at
    /// `deadline` what is left.
    func handOver(deadline: Instant) {
        phase = .handedOver(deadline: deadline.nanoseconds)
        rollouts.stop()
        saver = nil
        markDue()
        publishIfDue()
    }

    /// All that was counted here and by the predecessors, by name.
    func handoverCounts() -> HandoverCounts {
        var counts = HandoverCounts()
        counts.listeners = sockets.open.map { listener in
            row(listener.configuration.name, HandoverColumns.listeners) {
                sums.listener(listener.row, column: $0)
            }
        }
        for pool in pools {
            counts.pools.append(
                row(pool.name, HandoverColumns.pools) { sums.pool(pool.row, column: $0) })
            counts.replicas += pool.replicas.map { replica in
                row(Controller.name(of: replica.status, in: pool), HandoverColumns.replicas) {
                    sums.replica(replica.row, column: $0)
                }
            }
        }
        return counts
    }

    /// Adds what another process counted to what is shown here.
    func add(_ counts: HandoverCounts) {
        var listeners: [String: Int] = [:]
        for listener in sockets.open { listeners[listener.configuration.name] = listener.row }
        var poolRows: [String: Int] = [:]
        var replicas: [String: Int] = [:]
        for pool in pools {
            poolRows[pool.name] = pool.row
            for replica in pool.replicas {
                replicas[Controller.name(of: replica.status, in: pool)] = replica.row
            }
        }
        add(counts.listeners, HandoverColumns.listeners, listeners, to: carried.listeners)
        add(counts.pools, HandoverColumns.pools, poolRows, to: carried.pools)
        add(counts.replicas, HandoverColumns.replicas, replicas, to: carried.replicas)
    }

    private func row(
        _ name: String, _ columns: [(name: String, column: Int)], _ value: (Int) -> Int
    ) -> HandoverCounts.Row {
        var counts: [String: Int] = [:]
        for (name, column) in columns { counts[name] = value(column) }
        return HandoverCounts.Row(name: name, counts: CountsByName(counts))
    }

    private func add(
        _ counts: [HandoverCounts.Row], _ columns: [(name: String, column: Int)],
        _ rows: [String: Int], to table: CounterTable
    ) {
        for entry in counts {
            guard let row = rows[entry.name] else { continue }
            for (name, column) in columns {
                guard let count = entry.counts.counts[name], count > 0 else { continue }
                table.add(UInt64(count), row: row, column: column)
            }
        }
    }

    private static func name(of replica: ReplicaStatus, in pool: RunningPool) -> String {
        "\(pool.name) \(replica.address)"
    }
}

/// Bytes as text.
enum HexadecimalText {
    static func digits(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
    }

    /// Nil if it is none.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2), digits.allSatisfy({ $0 != nil }) else { return nil }
        let values = digits.compactMap(\.self)
        return stride(from: 0, to: values.count, by: 2).map {
            UInt8(values[$0] * 16 + values[$0 + 1])
        }
    }
}
