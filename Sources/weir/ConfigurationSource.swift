internal import ControlPlane
internal import Glibc

/// Where the configuration comes from; read at the start and at each reload.
enum ConfigurationSource {
    case file(String)
    case flags(listen: [String], to: [String], probe: String?)

    static let defaultFile = "/etc/weir/weir.yaml"

    /// The configuration, whole.
    ///
    /// - Throws: every problem of it, one line each.
    func read() throws(ControlError) -> Configuration {
        let outcome = look()
        guard let configuration = outcome.configuration else {
            throw ControlError(outcome.problems.map(\.description))
        }
        return configuration
    }

    /// The configuration, or what is wrong with it.
    func look() -> ConfigurationReader.Outcome {
        switch self {
        case .file(let path):
            ConfigurationReader.read(file: path, environment: ConfigurationSource.environment())
        case .flags(let listen, let to, let probe):
            ConfigurationReader.fromFlags(listen: listen, to: to, probe: probe)
        }
    }

    /// A variable of the environment.
    static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// All of them, as `NAME=value`.
    static func variables() -> [String] { environment().map { "\($0.key)=\($0.value)" } }

    /// What `${NAME}` in a file is taken from.
    static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let parts = unsafe String(cString: text)
                .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe entry += 1
        }
        return variables
    }
}
