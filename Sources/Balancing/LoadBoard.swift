internal import Glibc
internal import Synchronization

/// What is in flight on each replica, by worker: what balancing by load looks at.
///
/// Each worker writes its own row of cells and no other, with plain loads and stores; a reader adds
/// the workers up, so counts are over all workers without a shared cache line being fought over.
@safe
public final class LoadBoard: @unchecked Sendable {
    public let workers: Int
    public let replicaRowsMaximum: Int
    private let cells: UnsafeMutablePointer<Atomic<UInt32>>

    public init(workers: Int, replicaRowsMaximum: Int) {
        self.workers = workers
        self.replicaRowsMaximum = replicaRowsMaximum
        guard let memory = unsafe calloc(workers * replicaRowsMaximum / 16 + 1, 64) else {
            fatalError("no memory for the load of \(replicaRowsMaximum) replicas")
        }
        unsafe cells = memory.bindMemory(to: Atomic<UInt32>.self, capacity: workers * replicaRowsMaximum)
    }

    deinit { unsafe free(cells) }

    /// One more exchange or tunnel on the replica; the worker itself only.
    public func begin(replicaRow: Int, worker: Int) {
        let cell = unsafe cell(replicaRow, worker)
        let value = unsafe cell.pointee.load(ordering: .relaxed)
        unsafe cell.pointee.store(value &+ 1, ordering: .relaxed)
    }

    /// One less; the worker itself only.
    public func end(replicaRow: Int, worker: Int) {
        let cell = unsafe cell(replicaRow, worker)
        let value = unsafe cell.pointee.load(ordering: .relaxed)
        precondition(value > 0, "more exchanges ended on a replica than began")
        unsafe cell.pointee.store(value &- 1, ordering: .relaxed)
    }

    /// In flight over all workers; any thread. A moment old where other workers are concerned.
    public func inFlight(replicaRow: Int) -> Int {
        var sum: UInt32 = 0
        for worker in 0..<workers {
            sum &+= unsafe cell(replicaRow, worker).pointee.load(ordering: .relaxed)
        }
        return Int(sum)
    }

    private func cell(_ row: Int, _ worker: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        precondition(row >= 0 && row < replicaRowsMaximum && worker >= 0 && worker < workers)
        return unsafe cells + (worker &* replicaRowsMaximum &+ row)
    }
}
