internal import ArgumentParser
internal import ControlPlane

/// Where the running weir is that a verb speaks to.
struct AdminOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "unix:PATH, or http://ADDRESS:PORT where changes need a token. "
                + "(default: \(AdminOption.standard))",
            valueName: "where"),
        transform: AdminOption.parse)
    var admin: AdminAddress?

    @Option(
        help: ArgumentHelp(
            "The file with the token for changes over http://. (default: the token in the"
                + " environment as WEIR_TOKEN)", valueName: "file"))
    var tokenFile: String?

    /// A client of that weir that may change things; nothing is sent yet.
    var client: AdminClient { get throws { try client(timeoutMilliseconds: 10_000) } }

    /// The same for what may take longer.
    func client(timeoutMilliseconds: Int) throws -> AdminClient {
        AdminClient(address, token: try token(), timeoutMilliseconds: timeoutMilliseconds)
    }

    /// A client that only reads, for which whatever is said of a token does not matter.
    var reader: AdminClient { AdminClient(address) }

    private var address: AdminAddress { admin ?? AdminAddress(AdminConfiguration()) }

    private func token() throws(ControlError) -> AdminToken? {
        if let tokenFile { return try AdminToken(file: tokenFile) }
        guard let text = ConfigurationSource.variable("WEIR_TOKEN"), !text.isEmpty else {
            return nil
        }
        return try AdminToken(text, from: "WEIR_TOKEN")
    }

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
