import Testing

@testable import ControlPlane

@Suite("Rows")
struct RowAllocatorTests {
    @Test("A row is used again only when every worker has dropped it")
    func reuse() {
        var rows = RowAllocator(rowsMaximum: 2)
        #expect(rows.allocate() == 0)
        #expect(rows.allocate() == 1)
        #expect(rows.allocate() == nil)
        rows.retire(0, since: 5)
        #expect(rows.allocate() == nil)
        #expect(rows.reclaim(adopted: 4) { _ in true } == [])
        #expect(rows.allocate() == nil)
        #expect(rows.reclaim(adopted: 5) { _ in true } == [0])
        #expect(rows.allocate() == 0)
        #expect(rows.inUse == 2)
    }

    @Test("A row on which work still ends stays taken")
    func busy() {
        var rows = RowAllocator(rowsMaximum: 4)
        _ = rows.allocate()
        rows.retire(0, since: 1)
        #expect(rows.reclaim(adopted: 9) { _ in false } == [])
        #expect(rows.allocate() == 1)
        #expect(rows.reclaim(adopted: 9) { _ in true } == [0])
    }

    @Test("In a storm of comings and goings no row has two owners")
    func storm() {
        var random = SeededRandom(seed: 7)
        var rows = RowAllocator(rowsMaximum: 16)
        var owned: Set<Int> = []
        var leaving: [Int: UInt64] = [:]
        var generation: UInt64 = 0
        var adopted: UInt64 = 0
        for _ in 0..<10_000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                if let row = rows.allocate() {
                    #expect(owned.insert(row).inserted)
                    #expect(leaving[row] == nil)
                }
            case 1:
                if let row = owned.randomElement(using: &random) {
                    owned.remove(row)
                    rows.retire(row, since: generation + 1)
                    leaving[row] = generation + 1
                }
            case 2: generation += 1
            default:
                adopted = min(generation, adopted + 2)
                for row in rows.reclaim(adopted: adopted, isQuiet: { _ in true }) {
                    #expect(leaving.removeValue(forKey: row).map { $0 <= adopted } == true)
                }
            }
            #expect(rows.inUse == owned.count + leaving.count)
        }
    }
}
