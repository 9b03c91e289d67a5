internal import ArgumentParser
internal import ControlPlane

/// Where the running weir is that a verb speaks to.
struct AdminOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "unix:PATH, or http://ADDRESS:PORT for what changes nothing. "
                + "(default: \(AdminOption.standard))",
            valueName: "where"),
        transform: AdminOption.parse)
    var admin: AdminAddress?

    /// A client of that weir; nothing is sent yet.
    var client: AdminClient { AdminClient(admin ?? AdminAddress(AdminConfiguration())) }

    private static var standard: String {
        let configuration = AdminConfiguration()
        let places = [
            configuration.socketPath.map { "\(AdminAddress.unixSocket($0))" },
            configuration.bind.map { "\(AdminAddress.network($0))" },
        ]
        return places.compactMap(\.self).joined(separator: ", else ")
    }

    private static func parse(_ text: String) throws -> AdminAddress {
        guard let address = AdminAddress(text) else {
            throw ValidationError("'\(text)': accepted are unix:PATH and http://ADDRESS:PORT")
        }
        return address
    }
}
