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
        let client = try admin.client()
        try show(client)
        while watch {
            sleep(StatusCommand.watchSeconds)
            try show(client)
        }
    }

    private func show(_ client: AdminClient) throws {
        let report = try client.status()
        let text = json ? StatusJSON.text(report) : StatusText.text(report)
        if watch, !json, Console.isTerminal { Console.clear() }
        Console.line(text)
    }
}
