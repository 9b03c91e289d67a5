internal import ArgumentParser
internal import ControlPlane

/// `weir explain`: where a request would go, and why.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell which route, split, pool and replicas a request would get, and why.",
        discussion: "The replicas are those of the weir that runs, if one answers.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration.")
    var file = ConfigurationSource.defaultFile

    @Option(name: [.customShort("X"), .customLong("method")], help: "The method.")
    var method = "GET"

    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: ArgumentHelp("A header field of the request.", valueName: "name: value"))
    var headers: [String] = []

    @Argument(help: "http://host[:port]/path")
    var url: String

    @OptionGroup var admin: AdminOption

    func run() throws {
        guard let request = ImaginedRequest(method: method, url: url, headers: headers) else {
            throw ValidationError("'\(url)': accepted is http://host[:port]/path")
        }
        let configuration = try ConfigurationSource.file(file).read()
        let explanation = Explanation(of: request, by: configuration, status: runningStatus())
        Console.line(explanation.text)
        if !explanation.hasRoute { throw ExitCode(ExitStatus.failed.rawValue) }
    }

    /// How the weir that runs is, or nil if there is none: explaining works without.
    private func runningStatus() -> StatusReport? {
        do {
            return try admin.reader.status()
        } catch {
            return nil
        }
    }
}
