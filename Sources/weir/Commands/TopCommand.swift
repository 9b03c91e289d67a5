internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// `weir top`: everything live, in a terminal.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch everything live: rates, latencies, shares, replicas, events.",
        discussion: """
            Keys: q quits, arrows scroll, p pauses, s sorts replicas by name, trouble or load. \
            Where the output is no terminal, it is written once, by two looks a second apart.
            """)

    @OptionGroup var admin: AdminOption

    private static let pageRows = 10
    private static let intervalMilliseconds = 1_000

    func run() throws {
        let client = admin.reader
        var screen = TopScreen()
        screen.add(try client.status())
        guard let terminal = Terminal() else {
            usleep(UInt32(TopCommand.intervalMilliseconds * 1_000))
            screen.add(try client.status())
            let size = Terminal.size
            for line in screen.lines(columns: size.columns, rows: .max, style: .plain) {
                Console.line(line)
            }
            return
        }
        defer { terminal.leave() }
        try watch(&screen, terminal, client)
    }

    private func watch(
        _ screen: inout TopScreen, _ terminal: Terminal, _ client: AdminClient
    ) throws {
        var due = Instant.now().adding(milliseconds: TopCommand.intervalMilliseconds)
        while true {
            let size = Terminal.size
            terminal.show(
                screen.lines(columns: size.columns, rows: size.rows, style: .terminal))
            let left = due.milliseconds(since: Instant.now())
            switch terminal.key(withinMilliseconds: Int32(max(0, left))) {
            case .quit: return
            case .up: screen.scroll(by: -1)
            case .down: screen.scroll(by: 1)
            case .pageUp: screen.scroll(by: -TopCommand.pageRows)
            case .pageDown: screen.scroll(by: TopCommand.pageRows)
            case .pause: screen.isPaused.toggle()
            case .sort: screen.order = screen.order.next
            case .other: break
            case nil:
                screen.add(try client.status())
                due = Instant.now().adding(milliseconds: TopCommand.intervalMilliseconds)
            }
        }
    }
}

extension TopScreen.Order {
    fileprivate var next: TopScreen.Order {
        let all = TopScreen.Order.allCases
        let index = all.firstIndex(of: self) ?? 0
        return all[(index + 1) % all.count]
    }
}
