import Metrics
import Testing

@Suite("Counters")
struct CounterTableTests {
    @Test("Rows and columns are apart")
    func cells() {
        let table = CounterTable(rowsMaximum: 5, columns: 13)
        for row in 0..<5 {
            for column in 0..<13 { table.set(UInt64(row * 100 + column), row: row, column: column) }
        }
        table.add(1000, row: 2, column: 12)
        table.subtract(2, row: 3, column: 0)
        for row in 0..<5 {
            for column in 0..<13 {
                let extra = (row, column) == (2, 12) ? 1000 : (row, column) == (3, 0) ? -2 : 0
                #expect(table.value(row: row, column: column) == UInt64(row * 100 + column + extra))
            }
        }
        table.clear(row: 2)
        #expect((0..<13).allSatisfy { table.value(row: 2, column: $0) == 0 })
        #expect(table.value(row: 1, column: 12) == 112 && table.value(row: 3, column: 1) == 301)
    }

    @Test("Durations recorded come back as a histogram, next to the other columns")
    func histogram() {
        let counters = WorkerCounters()
        let column = PoolColumn.histogram.rawValue
        counters.pools.add(7, row: 9, column: PoolColumn.latencyMicroseconds.rawValue)
        for duration in [0, 100, 100, UInt64.max] {
            counters.pools.record(microseconds: duration, row: 9, histogram: column)
        }
        let counts = counters.pools.histogram(row: 9, column: column)
        #expect(counts.count == Histogram.bucketCount)
        #expect(counts.reduce(0, +) == 4)
        #expect(counts[0] == 1 && counts[Histogram.bucketCount - 1] == 1)
        #expect(counts[Histogram.bucket(microseconds: 100)] == 2)
        #expect(counters.pools.value(row: 9, column: PoolColumn.latencyMicroseconds.rawValue) == 7)
        #expect(counters.pools.histogram(row: 10, column: column).allSatisfy { $0 == 0 })
    }

    @Test("The histogram is the last of a pool's columns")
    func lastColumn() {
        #expect(PoolColumn.allCases.last == .histogram)
    }

    @Test("Readers see one writer's counter only ever rise, and all of it at the end")
    func writerAndReaders() async {
        let table = CounterTable(rowsMaximum: 3, columns: 9)
        let last: UInt64 = 200_000
        await withTaskGroup { group in
            group.addTask {
                for _ in 0..<last { table.add(1, row: 1, column: 8) }
            }
            for _ in 0..<2 {
                group.addTask {
                    var seen: UInt64 = 0
                    while seen < last {
                        let value = table.value(row: 1, column: 8)
                        if value < seen || value > last {
                            Issue.record("\(value) after \(seen)")
                            return
                        }
                        seen = value
                    }
                }
            }
        }
        #expect(table.value(row: 1, column: 8) == last)
        #expect(table.value(row: 1, column: 7) == 0 && table.value(row: 2, column: 0) == 0)
    }

    @Test("A table of the greatest size costs only the rows that are used")
    func sparse() {
        let counters = (0..<64).map { _ in WorkerCounters() }
        for table in counters {
            table.replicas.add(1, row: WorkerCounters.replicaRowsMaximum - 1, column: 0)
            table.pools.add(
                1, row: WorkerCounters.poolRowsMaximum - 1,
                column: PoolColumn.histogram.rawValue + 127)
        }
        #expect(
            counters.allSatisfy {
                $0.replicas.value(row: WorkerCounters.replicaRowsMaximum - 1, column: 0) == 1
            })
    }
}
