import Glibc

/// What a command printed and how it ended.
public struct FinishedCommand: Sendable {
    public let exitCode: Int32
    public let output: String
    public let error: String
}

/// The binary under test: `$WEIR`, or what `swift build` left, release before debug.
public enum WeirProgram {
    public static let path: String = {
        if let named = unsafe getenv("WEIR") { return unsafe String(cString: named) }
        let package = String(#filePath.dropLast("/Tests/TestSupport/WeirProgram.swift".count))
        let builds = ["release", "debug"].map { "\(package)/.build/\($0)/weir" }
        return builds.first { unsafe access($0, X_OK) == 0 } ?? builds[0]
    }()

    /// True if the binary carries a sanitizer, whose memory is not weir's.
    public static let isSanitized = unsafe getenv("WEIR_SANITIZED") != nil

    /// True if the binary was built for debugging, and so is slow.
    public static let isDebug = path.contains("/debug/")

    /// Runs weir with `arguments` to its end.
    public static func run(_ arguments: [String], within seconds: Double = 10) throws
        -> FinishedCommand
    {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (output, error) = ("\(folder.path)/output", "\(folder.path)/error")
        let process = try SpawnedProcess(path, arguments, output: output, error: error)
        let exitCode = try process.exitCode(within: seconds)
        return FinishedCommand(
            exitCode: exitCode, output: try TextFile.read(output), error: try TextFile.read(error))
    }

    public static func run(_ arguments: String...) throws -> FinishedCommand { try run(arguments) }
}
