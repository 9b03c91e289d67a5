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
    /// Cells from one worker's first to the next worker's: whole cache lines.
    private let stride: Int

    public init(workers: Int, replicaRowsMaximum: Int) {
        self.workers = workers
        self.replicaRowsMaximum = replicaRowsMaximum
        stride = (replicaRowsMaximum + 15) / 16 * 16
        let bytes = max(1, workers * stride * 4)
        // Fresh pages are zero and cost nothing until touched.
        guard
            let memory = unsafe mmap(
                nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            fatalError("no memory for the load of \(replicaRowsMaximum) replicas")
        }
        unsafe cells = memory.bindMemory(to: Atomic<UInt32>.self, capacity: workers * stride)
    }

    deinit { _ = unsafe munmap(cells, max(1, workers * stride * 4)) }

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
        precondition(replicaRow >= 0 && replicaRow < replicaRowsMaximum)
        var sum: UInt32 = 0
        var place = replicaRow
        for _ in 0..<workers {
            sum &+= unsafe cells[place].load(ordering: .relaxed)
            place &+= stride
        }
        return Int(sum)
    }

    private func cell(_ row: Int, _ worker: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        precondition(row >= 0 && row < replicaRowsMaximum && worker >= 0 && worker < workers)
        return unsafe cells + (worker &* stride &+ row)
    }
}
