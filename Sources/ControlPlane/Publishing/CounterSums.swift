internal import Metrics

/// Counters added up over all workers, and over the processes before this one.
struct CounterSums {
    let counters: [WorkerCounters]

    func replica(_ row: Int, _ column: ReplicaColumn) -> Int {
        sum { $0.replicas.value(row: row, column: column.rawValue) }
    }

    /// Any column, by its number.
    func replica(_ row: Int, column: Int) -> Int {
        sum { $0.replicas.value(row: row, column: column) }
    }

    func pool(_ row: Int, column: Int) -> Int {
        sum { $0.pools.value(row: row, column: column) }
    }

    func listener(_ row: Int, column: Int) -> Int {
        sum { $0.listeners.value(row: row, column: column) }
    }

    func pool(_ row: Int, _ column: PoolColumn) -> Int {
        sum { $0.pools.value(row: row, column: column.rawValue) }
    }

    /// Requests of a pool that were rescued, by class.
    func rescues(pool row: Int) -> RescueCounts {
        var counts = RescueCounts()
        for rescue in RescueClass.allCases {
            counts[rescue] = sum { $0.pools.value(row: row, column: PoolColumn.rescued(rescue)) }
        }
        return counts
    }

    func listener(_ row: Int, _ column: ListenerColumn) -> Int {
        sum { $0.listeners.value(row: row, column: column.rawValue) }
    }

    func worker(_ index: Int, _ column: WorkerColumn) -> Int {
        Int(clamping: counters[index].worker.value(row: 0, column: column.rawValue))
    }

    /// Every bucket of the latency histogram of a pool.
    func histogram(pool row: Int) -> [UInt64] {
        (0..<Histogram.bucketCount).map { bucket in
            let column = PoolColumn.histogram.rawValue + bucket
            return counters.reduce(0) { $0 &+ $1.pools.value(row: row, column: column) }
        }
    }

    /// The first-byte times of a replica, by power of two.
    func firstBytes(replica row: Int) -> [UInt64] {
        (0..<ReplicaColumn.octaves).map { octave in
            let column = ReplicaColumn.firstByteHistogram.rawValue + octave
            return counters.reduce(0) { $0 &+ $1.replicas.value(row: row, column: column) }
        }
    }

    /// Attempts that a replica answered, and tunnels that it took.
    func answers(replica row: Int) -> Int {
        let columns: [ReplicaColumn] = [.status2xx, .status3xx, .status4xx, .status5xx]
        return columns.reduce(0) { $0 + replica(row, $1) }
    }

    /// How the attempts of a replica ended, all of them. A tunnel is good once it is open: what
    /// passes through it is not weir's to judge.
    func tally(of id: ReplicaID, row: Int) -> ReplicaTally {
        ReplicaTally(
            id: id,
            good: replica(row, .status2xx) + replica(row, .status3xx) + replica(row, .status4xx)
                + replica(row, .tunnels),
            bad: replica(row, .status5xx) + replica(row, .failures))
    }

    func classes(replica row: Int) -> ClassCounts {
        var classes = ClassCounts()
        classes.status1xx = replica(row, .status1xx)
        classes.status2xx = replica(row, .status2xx)
        classes.status3xx = replica(row, .status3xx)
        classes.status4xx = replica(row, .status4xx)
        classes.status5xx = replica(row, .status5xx)
        return classes
    }

    func classes(pool row: Int) -> ClassCounts {
        var classes = ClassCounts()
        classes.status1xx = pool(row, .status1xx)
        classes.status2xx = pool(row, .status2xx)
        classes.status3xx = pool(row, .status3xx)
        classes.status4xx = pool(row, .status4xx)
        classes.status5xx = pool(row, .status5xx)
        return classes
    }

    /// Gauges of several workers may be read a moment apart; a sum is never below zero.
    private func sum(_ value: (WorkerCounters) -> UInt64) -> Int {
        let total = counters.reduce(UInt64(0)) { $0 &+ value($1) }
        return total > UInt64(Int64.max) ? 0 : Int(total)
    }
}
