internal import ArgumentParser
internal import ControlPlane

/// `weir upgrade`: the program as it is on the disk now takes over.
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Let the program as it is on the disk now take over, without a gap.",
        discussion: """
            The new process takes the listening sockets, the state, the health of the replicas and \
            the counters over; the old one finishes what is in flight. If the new one does not \
            serve within 10 s, nothing changes, and this says why.
            """)

    /// Longer than weir gives the new process.
    private static let timeoutMilliseconds = 15_000

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func run() throws {
        let client = try admin.client(timeoutMilliseconds: UpgradeCommand.timeoutMilliseconds)
        let report = try client.upgrade()
        Console.line(json ? report.text : "process \(report.process) serves")
    }
}
