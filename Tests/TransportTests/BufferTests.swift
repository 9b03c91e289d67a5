import Testing
import Transport

@Suite("Buffers")
struct BufferTests {
    @Test("Bytes come out in the order they went in, through consuming and compacting")
    func order() {
        var buffer = Buffer.allocate(capacity: 8)
        defer { buffer.deallocate() }
        #expect(buffer.append("abcdef") == 6)
        buffer.consume(4)
        #expect(text(buffer) == "ef" && buffer.room == 2)
        buffer.compact()
        #expect(text(buffer) == "ef" && buffer.room == 6 && buffer.start == 0)
        #expect(buffer.append("0123456789") == 6)
        #expect(text(buffer) == "ef012345" && buffer.room == 0)
        #expect(buffer.append("x") == 0)
        buffer.truncate(to: 3)
        #expect(text(buffer) == "ef0" && buffer.room == 5)
        buffer.consume(3)
        #expect(buffer.isEmpty && buffer.room == 8)
    }

    @Test("Bytes are written in place at the free end and changed in place")
    func inPlace() {
        var buffer = Buffer.allocate(capacity: 4)
        defer { buffer.deallocate() }
        var free = buffer.free
        #expect(free.count == 4)
        free[0] = UInt8(ascii: "x")
        free[1] = UInt8(ascii: "y")
        buffer.commit(2)
        var bytes = buffer.mutableBytes
        bytes[1] = UInt8(ascii: "z")
        #expect(text(buffer) == "xz")
        buffer.append("")
        #expect(buffer.count == 2)
    }

    @Test(
        "Storms of appends and takes agree with an array", arguments: 1...20 as ClosedRange<UInt64>)
    func storm(seed: UInt64) {
        var random = Seeded(seed)
        var buffer = Buffer.allocate(capacity: 64)
        defer { buffer.deallocate() }
        var model: [UInt8] = []
        for _ in 0..<500 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let count = Int.random(in: 0...40, using: &random)
                let piece = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                model += piece.prefix(buffer.append(piece.span))
            case 1:
                let count = Int.random(in: 0...model.count, using: &random)
                buffer.consume(count)
                model.removeFirst(count)
            case 2: buffer.compact()
            default:
                let count = Int.random(in: 0...model.count, using: &random)
                buffer.truncate(to: count)
                model.removeLast(model.count - count)
            }
            let span = buffer.bytes
            #expect(span.indices.map { span[$0] } == model)
            #expect(buffer.start + buffer.count + buffer.room == 64)
        }
    }

    @Test("A pool stops at its limit and hands out again what it got back, empty")
    func pool() {
        var pool = BufferPool(bufferBytes: 16, buffersMaximum: 2)
        guard var first = pool.take(), let second = pool.take() else {
            Issue.record("two buffers are within the limit")
            return
        }
        let isOver = pool.take() == nil
        #expect(isOver)
        first.append("left over")
        pool.give(first)
        let inUse = pool.buffersInUse
        #expect(inUse == 1)
        guard let again = pool.take() else {
            Issue.record("one has been given back")
            return
        }
        #expect(again.isEmpty && again.capacity == 16 && again.room == 16)
        pool.give(again)
        pool.give(second)
        let inUseAtEnd = pool.buffersInUse
        #expect(inUseAtEnd == 0)
    }

    @Test("To give a pool more than it gave out ends the program")
    func overGive() async {
        await #expect(processExitsWith: .failure) {
            var pool = BufferPool(bufferBytes: 16, buffersMaximum: 2)
            pool.give(Buffer.allocate(capacity: 16))
        }
    }
}
