internal import Balancing
internal import Transport

/// Making room where descriptors run out: unused connections to replicas go before any work is
/// refused.
extension Worker {
    /// Begins a connect.
    ///
    /// - Throws: what the kernel says, and `EMFILE` at the worker's own limit.
    mutating func openUpstream(to address: SocketAddress) throws(SystemError) -> Descriptor {
        let open = upstreams.openCount - upstreamStreamCount
        if open >= snapshot.limits.upstreamConnectionsPerWorkerMaximum {
            guard giveUpIdle(atMost: DataPlaneLimits.idleGivenUpAtOnce) > 0 else {
                throw SystemError("connect \(address)", code: ConnectError.tooManyOpen)
            }
        }
        do throws(SystemError) {
            return try Socket.connect(to: address)
        } catch {
            guard error.isShortage, giveUpIdle(atMost: DataPlaneLimits.idleGivenUpAtOnce) > 0 else {
                throw error
            }
            return try Socket.connect(to: address)
        }
    }

    /// Closes unused connections to replicas, of each in turn the one that is unused for longest.
    ///
    /// - Returns: how many.
    mutating func giveUpIdle(atMost maximum: Int) -> Int {
        var closed = 0
        var found = true
        while found {
            found = false
            for pool in poolsByPosition {
                for replica in pool.its.replicas where closed < maximum {
                    guard let upstream = replica.its.lastIdle else { continue }
                    closeUpstream(upstream)
                    closed += 1
                    found = true
                }
            }
        }
        return closed
    }
}
