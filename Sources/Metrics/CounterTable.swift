internal import Glibc
public import Synchronization

/// Counters in rows (a pool, a replica, a listener) and columns (what is counted), written by one
/// thread and read by others.
///
/// There is one table per kind of thing and worker, so a count is a plain load and store of memory
/// that no other thread writes. Readers add the workers' tables up. Rows lie on their own cache
/// lines. Memory of rows that were never used is never touched, so a generous limit costs nothing.
///
/// Counting is inlinable, since each request counts a dozen times.
@safe
public final class CounterTable: @unchecked Sendable {
    public let rowsMaximum: Int
    public let columns: Int
    @usableFromInline
    let stride: Int
    private let bytes: Int
    @usableFromInline
    let cells: UnsafeMutablePointer<Atomic<UInt64>>

    public init(rowsMaximum: Int, columns: Int) {
        self.rowsMaximum = rowsMaximum
        self.columns = columns
        stride = (columns + 7) / 8 * 8
        bytes = max(1, rowsMaximum * stride * 8)
        // Fresh pages are zero and cost nothing until touched.
        guard
            let memory = unsafe mmap(
                nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            fatalError("no memory for \(rowsMaximum) rows of counters")
        }
        unsafe cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: rowsMaximum * stride)
    }

    deinit { _ = unsafe munmap(cells, bytes) }

    /// Counts one duration into the histogram whose first column is `column`; the owning thread
    /// only.
    @inlinable
    @inline(__always)
    public func record(microseconds: UInt64, row: Int, histogram column: Int) {
        add(1, row: row, column: column &+ Histogram.bucket(microseconds: microseconds))
    }

    /// The counts of the histogram whose first column is `column`, by bucket; any thread.
    public func histogram(row: Int, column: Int) -> [UInt64] {
        (0..<Histogram.bucketCount).map { value(row: row, column: column + $0) }
    }

    /// Adds to one counter; the owning thread only.
    @inlinable
    @inline(__always)
    public func add(_ amount: UInt64, row: Int, column: Int) {
        let cell = unsafe cell(row, column)
        let value = unsafe cell.pointee.load(ordering: .relaxed)
        unsafe cell.pointee.store(value &+ amount, ordering: .relaxed)
    }

    /// Takes from one counter, for gauges such as what is in flight; the owning thread only.
    @inlinable
    @inline(__always)
    public func subtract(_ amount: UInt64, row: Int, column: Int) {
        let cell = unsafe cell(row, column)
        let value = unsafe cell.pointee.load(ordering: .relaxed)
        unsafe cell.pointee.store(value &- amount, ordering: .relaxed)
    }

    /// Replaces a gauge; the owning thread only.
    @inlinable
    public func set(_ value: UInt64, row: Int, column: Int) {
        unsafe cell(row, column).pointee.store(value, ordering: .relaxed)
    }

    /// The present value; any thread.
    public func value(row: Int, column: Int) -> UInt64 {
        unsafe cell(row, column).pointee.load(ordering: .relaxed)
    }

    /// Sets a row to zero, for its next use; only while no worker knows the row.
    public func clear(row: Int) {
        for column in 0..<columns { set(0, row: row, column: column) }
    }

    @inlinable
    @inline(__always)
    func cell(_ row: Int, _ column: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        precondition(row >= 0 && row < rowsMaximum && column >= 0 && column < columns)
        return unsafe cells + (row &* stride &+ column)
    }
}
