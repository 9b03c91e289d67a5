/// Certificates of a test, made by OpenSSL's own program, in a folder of their own.
public struct TestCertificates: Sendable {
    public let folder: TemporaryFolder

    /// With an authority, `ca.pem`.
    public init() throws {
        folder = try TemporaryFolder()
        try shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
              -keyout ca.key -out ca.pem -subj "/CN=Test CA"
            """)
    }

    public var ca: String { path("ca.pem") }

    public func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// How a key is made.
    public enum Key: String, Sendable {
        case ecdsa = "ec -pkeyopt ec_paramgen_curve:P-256"
        case rsa = "rsa:2048"
        case weak = "rsa:1024"
    }

    /// Makes `name.pem` (with its issuer) and `name.key`.
    ///
    /// - Parameters:
    ///   - names: as OpenSSL writes them, such as `DNS:example.com,IP:127.0.0.1`.
    ///   - dates: options of `openssl x509`, such as `-days 90`.
    public func issue(
        _ name: String, for names: String, key: Key = .ecdsa, dates: String = "-days 90"
    ) throws {
        try shell(
            """
            openssl req -newkey \(key.rawValue) -nodes -keyout \(name).key -out \(name).csr \
              -subj "/CN=\(name)"
            printf 'subjectAltName=\(names)' > \(name).ext
            openssl x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial \
              -out \(name).crt \(dates) -extfile \(name).ext
            cat \(name).crt ca.pem > \(name).pem.new
            mv \(name).pem.new \(name).pem
            """)
    }

    /// Runs a script in the folder.
    public func shell(_ script: String) throws {
        let done = try Tool.run("/bin/sh", ["-c", "cd \(folder.path) && set -e\n\(script)"])
        guard done.exitCode == 0 else { throw NotInTime("\(script)\n\(done.error)") }
    }

    public func bytes(_ name: String) throws -> [UInt8] {
        Array(try TextFile.read(path(name)).utf8)
    }

    public func remove() { folder.remove() }
}

/// Any program of the machine.
public enum Tool {
    /// Runs it to its end.
    public static func run(
        _ program: String, _ arguments: [String], within seconds: Double = 60
    ) throws -> FinishedCommand {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (output, error) = ("\(folder.path)/output", "\(folder.path)/error")
        let process = try SpawnedProcess(program, arguments, output: output, error: error)
        let exitCode = try process.exitCode(within: seconds)
        return FinishedCommand(
            exitCode: exitCode, output: try TextFile.read(output), error: try TextFile.read(error))
    }
}
