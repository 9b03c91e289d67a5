internal import ArgumentParser

/// `weir version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.")

    func run() { Console.line(Version.line) }
}
