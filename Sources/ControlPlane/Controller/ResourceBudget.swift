internal import Balancing

/// How the descriptors and the memory that the process may have are shared out: limits in, limits
/// that fit out, and what there is to say about them.
struct ResourceBudget: Equatable {
    /// What is kept for the admin interface, probes, DNS, files and reloads: a quarter, up to this.
    static let reserveMaximum = 1_024
    /// What a connection of a client takes besides buffers, with its request and the connection to
    /// its replica.
    static let connectionBytes = 2_048
    /// What weir takes without any connection.
    static let baseBytes = 32 << 20
    /// Nobody who did not ask for more misses what is above this.
    static let connectionsWanted = 4_096

    var workers = 1
    var listeners = 1
    /// The limit of open files; 0: not known.
    var descriptorsMaximum = 0
    /// Of the container, or else of the machine; nil: not known.
    var memoryBytesMaximum: Int?

    /// Descriptors that no traffic may take.
    var reserve: Int {
        min(ResourceBudget.reserveMaximum, descriptorsMaximum / 4) + 16 + workers * (listeners + 3)
    }

    /// Connections that each worker may have on either side.
    var connectionsPerWorker: Int {
        guard descriptorsMaximum > 0 else { return .max }
        return max(1, (descriptorsMaximum - reserve) / (2 * workers))
    }

    /// The same limits, as far as there are descriptors for them.
    func fitted(_ limits: Limits) -> Limits {
        var fitted = limits
        fitted.clientConnectionsPerWorkerMaximum = min(
            limits.clientConnectionsPerWorkerMaximum, connectionsPerWorker)
        fitted.upstreamConnectionsPerWorkerMaximum = min(
            limits.upstreamConnectionsPerWorkerMaximum, connectionsPerWorker)
        return fitted
    }

    /// What the limits may take that is not there; one line each, with the figures.
    func warnings(_ limits: Limits) -> [String] {
        [descriptorWarning(limits), memoryWarning(limits)].compactMap(\.self)
    }

    private func descriptorWarning(_ limits: Limits) -> String? {
        let wanted = limits.clientConnectionsPerWorkerMaximum
        let isDefault = wanted == Limits().clientConnectionsPerWorkerMaximum
        let least = isDefault ? ResourceBudget.connectionsWanted : wanted
        guard connectionsPerWorker < least else { return nil }
        let sum = wanted * workers * 2 + reserve
        return "limits.connections_per_worker: \(wanted) clients in each of \(workers) workers,"
            + " with as many connections to replicas, take \(sum) descriptors; the limit of open"
            + " files is \(descriptorsMaximum), so that each worker serves \(connectionsPerWorker)"
            + " clients at once and the others wait (ulimits: { nofile: … } in the Compose file,"
            + " LimitNOFILE= in the unit)"
    }

    private func memoryWarning(_ limits: Limits) -> String? {
        guard let memory = memoryBytesMaximum else { return nil }
        let buffers = limits.bufferBytesPerWorkerMaximum * workers
        let clients = fitted(limits).clientConnectionsPerWorkerMaximum * workers
        let sum = buffers + clients * ResourceBudget.connectionBytes + ResourceBudget.baseBytes
        guard sum > memory else { return nil }
        return "limits: \(mebibytes(buffers)) of buffers (limits.buffers_per_worker in \(workers)"
            + " workers) and \(clients) clients may take \(mebibytes(sum)); there are"
            + " \(mebibytes(memory)) of memory, without what the kernel takes for sockets"
    }

    private func mebibytes(_ bytes: Int) -> String { "\((bytes + 1 << 19) >> 20) MiB" }

    /// - Parameters:
    ///   - group: `memory.max` of the control group.
    ///   - machine: `/proc/meminfo`.
    static func memory(group: String?, machine: String?) -> Int? {
        if let group, let bytes = Int(group.filter(\.isNumber)), !group.contains("max") {
            return bytes
        }
        for line in (machine ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:") {
            return Int(line.filter(\.isNumber)).map { $0 << 10 }
        }
        return nil
    }
}
