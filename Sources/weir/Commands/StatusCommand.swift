internal import ArgumentParser
internal import ControlPlane
internal import Glibc

/// `weir status`: how everything is, and why.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show listeners, routes, splits, pools and replicas: state, cause, figures.")

    @OptionGroup var admin: AdminOption

    @Flag(help: "Print JSON, as GET /status answers.")
    var json = false

    @Flag(help: "Show it anew every second, until interrupted.")
    var watch = false

    private static let watchSeconds: UInt32 = 1

    func run() throws {
        var shown: StatusReport?
        repeat {
            if shown != nil { sleep(StatusCommand.watchSeconds) }
            let report = try admin.reader.status()
            show(report, since: shown)
            shown = report
        } while watch
    }

    private func show(_ report: StatusReport, since previous: StatusReport?) {
        guard !json else { return Console.line(StatusJSON.text(report)) }
        if watch, Console.isTerminal { Console.clear() }
        let style: StatusText.Style = Console.isTerminal ? .terminal : .plain
        Console.line(StatusText.text(report, since: previous, style: style))
    }
}
