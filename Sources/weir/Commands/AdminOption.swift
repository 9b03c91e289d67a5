internal import ArgumentParser
internal import ControlPlane

/// Where the running weir is that a verb speaks to.
struct AdminOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "unix:PATH, or http://ADDRESS:PORT for what changes nothing.", valueName: "where"))
    var admin = AdminAddress.standard

    /// A client of that weir; nothing is sent yet.
    var client: AdminClient { AdminClient(admin) }
}

extension AdminAddress: @retroactive ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
