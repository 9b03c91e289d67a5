internal import Balancing
internal import Metrics
internal import Transport

/// What limits take, and whom they hold off.
extension Controller {
    /// What there is for them.
    var budget: ResourceBudget {
        var budget = ResourceBudget()
        budget.workers = workers.workers
        budget.listeners = sockets.open.count
        budget.descriptorsMaximum = workers.descriptorsMaximum
        return budget
    }

    /// Refuses a configuration with more pools or splits than there are rows for.
    func checkRows(_ next: Configuration) throws(ControlError) {
        let newPools = next.pools.count { pool in !pools.contains { $0.name == pool.name } }
        guard poolRows.inUse + newPools <= poolRows.rowsMaximum else {
            throw ControlError(
                "\(next.pools.count) pools; at most \(poolRows.rowsMaximum) are possible"
                    + " (those that a reload removes count until no request uses them)")
        }
        let newSplits = next.splits.count { split in !splits.contains { $0.name == split.name } }
        guard splitRows.inUse + newSplits <= splitRows.rowsMaximum else {
            throw ControlError(
                "\(next.splits.count) splits; at most \(splitRows.rowsMaximum) are possible")
        }
    }

    /// Says which limits promise more than there is.
    func warnOfLimits() {
        guard workers.descriptorsMaximum > 0 else { return }
        var budget = budget
        budget.memoryBytesMaximum = ResourceBudget.memory(
            group: SystemFile.text(of: "/sys/fs/cgroup/memory.max"),
            machine: SystemFile.text(of: "/proc/meminfo"))
        for warning in budget.warnings(configuration.limits) { log.write(.warning, warning) }
    }

    /// Limits that hold somebody off are said.
    func noteLimits() {
        let now = Instant.now().milliseconds(since: started)
        let limits = budget.fitted(configuration.limits)
        for listener in sockets.open {
            for what in LimitNotices.What.allCases {
                let subject = LimitNotices.Subject(
                    listener: listener.configuration.name, what: what)
                let count = sums.listener(listener.row, what.column)
                guard let more = limitNotices.take(subject, count: count, now: now) else {
                    continue
                }
                log.write(
                    .warning, "listener=\(subject.listener) \(what.text(more, limits))")
            }
        }
        limitNotices.keep(Set(sockets.open.map(\.configuration.name)))
    }
}

extension LimitNotices.What {
    fileprivate var column: ListenerColumn {
        switch self {
        case .accepting: .refused
        case .clientsRefused: .clientsRefused
        case .tooSlow: .tooSlow
        }
    }

    fileprivate func text(_ count: Int, _ limits: Limits) -> String {
        switch self {
        case .accepting:
            "accepting paused, \(count) times: its workers have all the connections that they may"
                + " (\(limits.clientConnectionsPerWorkerMaximum) each), or descriptors ran out;"
                + " clients wait"
        case .clientsRefused:
            "refused \(count) connections of clients that had \(limits.connectionsPerClientMaximum)"
                + " here (limits.connections_per_client)"
        case .tooSlow:
            "cut off \(count) clients that sent or read too slowly (limits.min_request_rate,"
                + " min_response_rate)"
        }
    }
}
