internal import ArgumentParser

/// `weir version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() {
        Console.line(json ? "{\"version\":\"\(Version.number)\"}" : Version.line)
    }
}
