import Testing

@testable import ControlPlane

@Suite("The screen of weir top")
struct TopTests {
    private func screen(_ reports: [StatusReport]) -> TopScreen {
        var screen = TopScreen()
        for report in reports { screen.add(report) }
        return screen
    }

    private func later() -> StatusReport {
        var report = Reports.full()
        report.uptimeMilliseconds += 2_000
        report.pools[0].requests += 300
        report.pools[0].responses.status2xx += 280
        report.pools[0].responses.status5xx += 20
        report.pools[0].durations[0].count += 300
        report.pools[0].replicas[0].responses.status2xx += 100
        report.listeners[0].requests += 60
        return report
    }

    @Test("Rates are those of the last seconds, and errors and latencies those of that time")
    func rates() {
        var screen = screen([Reports.full(), later()])
        let lines = screen.lines(columns: 200, rows: 50, style: .plain)
        #expect(lines.contains { $0.contains("150 requests/s") })
        #expect(lines.contains { $0.contains("errors 6.7 %") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("LISTENER web") && $0.contains("30/s") })
        #expect(lines.contains { $0.contains("app-1") && $0.contains("50 ") })
        #expect(lines.contains { $0.hasPrefix("SPLIT    api") && $0.contains("canary 10 %") })
        #expect(lines.contains { $0.contains("ready -> down") })
        #expect(lines.contains { $0.contains("p50 1.2 ms") }, "\(lines)")
    }

    @Test("Before the second look the rates are weir's own of the last minute")
    func first() {
        var screen = screen([Reports.full()])
        #expect(screen.lines(columns: 200, rows: 50, style: .plain)[1].contains("42.5 requests/s"))
    }

    @Test("It is never larger than the terminal, and colours are for a terminal only")
    func size() {
        var report = later()
        report.pools[0].replicas = (0..<1_000).map {
            Reports.replica("app-\($0)", "10.0.0.2:\($0 + 1)", state: "ready")
        }
        for (columns, rows) in [(80, 24), (40, 10), (200, 60)] {
            var screen = screen([Reports.full(), report])
            let lines = screen.lines(columns: columns, rows: rows, style: .plain)
            #expect(lines.count <= rows && lines.allSatisfy { $0.count <= columns })
            #expect(!lines.joined().contains("\u{1b}"))
            let coloured = screen.lines(columns: columns, rows: rows, style: .terminal)
            #expect(coloured.joined().contains("\u{1b}["))
        }
    }

    @Test("It scrolls as far as there are lines, and says where it is")
    func scrolling() {
        var report = Reports.full()
        report.pools[0].replicas = (0..<100).map {
            Reports.replica("app-\($0)", "10.0.0.2:\($0 + 1)", state: "ready")
        }
        var screen = screen([report])
        screen.scroll(by: -5)
        #expect(screen.scroll == 0)
        screen.scroll(by: 10_000)
        let lines = screen.lines(columns: 200, rows: 40, style: .plain)
        #expect(lines.contains { $0.contains("app-99 ") })
        #expect(lines.contains { $0.contains("of 102") }, "\(lines)")
        #expect(screen.scroll < 102)
    }

    @Test("What is in trouble comes first on request, and a paused screen takes nothing new")
    func choices() throws {
        var screen = screen([Reports.full()])
        screen.order = .trouble
        let lines = screen.lines(columns: 200, rows: 50, style: .plain)
        let down = try #require(lines.firstIndex { $0.contains("two") })
        let ready = try #require(lines.firstIndex { $0.contains("app-1 ") })
        #expect(down < ready)
        screen.isPaused = true
        screen.add(later())
        #expect(screen.lines(columns: 200, rows: 50, style: .plain)[0].contains("PAUSED"))
        #expect(screen.figures.newest == Reports.full())
    }

    @Test("A weir that was started anew is counted anew")
    func restart() {
        var young = Reports.full()
        young.uptimeMilliseconds = 1_000
        young.pools[0].requests = 5
        var screen = screen([later(), young])
        #expect(screen.lines(columns: 200, rows: 50, style: .plain)[1].contains("42.5 requests/s"))
    }
}
