internal import ArgumentParser
internal import ControlPlane

/// `weir undrain`: drained replicas take new work again.
struct UndrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain",
        abstract: "Give drained replicas new work again, once they pass their probes.")

    @Argument(help: "Container names or addresses.")
    var replicas: [String]

    @Option(help: ArgumentHelp("Only replicas of this pool.", valueName: "pool"))
    var pool: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func run() throws {
        let report = try admin.client.undrain(replicas, pool: pool)
        guard !json else { return Console.line(report.text) }
        for replica in report.replicas {
            Console.line("\(replica.pool): \(replica.name) \(replica.state)")
        }
    }
}
