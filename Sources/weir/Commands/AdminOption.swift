internal import ArgumentParser
internal import ControlPlane
internal import Glibc

/// Where the running weir is that a verb speaks to.
struct AdminOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "unix:PATH or http://ADDRESS:PORT. (default: unix:\(socketPath), or \(url) if that "
                + "does not exist)",
            valueName: "where"))
    var admin: String?

    private static let socketPath = "/run/weir/admin.sock"
    private static let url = "http://127.0.0.1:9900"

    /// A client of that weir; nothing is sent yet.
    func client() throws -> AdminClient {
        if let admin { return try AdminClient(admin) }
        let hasSocket = unsafe access(AdminOption.socketPath, F_OK) == 0
        return try AdminClient(hasSocket ? "unix:\(AdminOption.socketPath)" : AdminOption.url)
    }
}
