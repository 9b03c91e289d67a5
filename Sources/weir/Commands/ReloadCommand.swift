internal import ArgumentParser
internal import ControlPlane

/// `weir reload`: the configuration again, all or nothing.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Let weir read its configuration again; all of it takes effect, or nothing.")

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func run() throws {
        let report = try admin.client.reload()
        if json { Console.line(report.text) }
    }
}
