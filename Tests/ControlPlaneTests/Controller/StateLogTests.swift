import Glibc
import Testing
import Transport

@testable import ControlPlane

@Suite("The state log")
struct StateLogTests {
    private final class Lines {
        var all: [String] = []
    }

    @Test("One event is one line with time, level and text")
    func line() throws {
        let lines = Lines()
        let log = StateLog(level: .info) { lines.all.append($0) }
        log.write(.warning, "pool=web ready -> down cause=\"connect refused\"")
        let line = try #require(lines.all.first)
        let pattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning pool=web ready -> down .*\n/
        #expect(try pattern.wholeMatch(in: line) != nil)
    }

    @Test("Foreign words cannot forge a line")
    func forged() {
        let lines = Lines()
        let log = StateLog(level: .info) { lines.all.append($0) }
        log.write(.info, "replica=a\r\n2026-11-21T06:00:00.000Z info forged\u{1b}[2J")
        #expect(lines.all.count == 1)
        #expect(lines.all[0].filter { $0 == "\n" || $0 == "\r\n" }.count == 1)
        #expect(!lines.all[0].contains("\u{1b}"))
    }

    @Test("Events below the level are neither written nor kept, and the level can change")
    func levels() {
        let log = StateLog(level: .warning) { _ in }
        log.write(.info, "one")
        log.write(.error, "two")
        log.level = .debug
        log.write(.debug, "three")
        #expect(log.events.map(\.text) == ["two", "three"])
    }

    @Test("A reader that is too slow loses lines, which are counted, and nobody waits for it")
    func slowReader() throws {
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let log = StateLog(level: .info, descriptor: Descriptor(ends[1]))
        for _ in 0..<2_000 { log.write(.info, String(repeating: "x", count: 100)) }
        #expect(log.linesLost > 0)
        #expect(log.linesLost < 2_000)
    }

    @Test("The newest events are kept, in order, and no more than the limit")
    func ring() {
        let log = StateLog(level: .info) { _ in }
        for number in 0..<(StateLog.eventsMaximum + 10) { log.write(.info, "\(number)") }
        #expect(log.events.count == StateLog.eventsMaximum)
        #expect(log.events.first?.text == "10")
        #expect(log.events.last?.text == "\(StateLog.eventsMaximum + 9)")
    }
}
