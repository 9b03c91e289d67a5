internal import ArgumentParser
internal import Glibc

/// Where the process begins.
///
/// Written out instead of `Weir.main()` for the exit codes that scripts rely on: 2 for wrong usage,
/// where the argument parser would say 64.
@main
enum Main {
    static func main() {
        StartTime.note()
        do {
            var command = try command()
            try command.run()
        } catch {
            end(after: error)
        }
    }

    /// What the words of the command line ask for.
    ///
    /// To set up the tree of all commands takes a tenth of the time until weir listens, so `run`
    /// does without; only the tree has the right words for what is wrong, and for help.
    private static func command() throws -> any ParsableCommand {
        let words = CommandLine.arguments.dropFirst()
        guard words.first == "run" else { return try Weir.parseAsRoot() }
        do {
            return try RunCommand.parse(Array(words.dropFirst()))
        } catch {
            return try Weir.parseAsRoot()
        }
    }

    private static func end(after error: any Error) -> Never {
        if let failure = error as? CommandFailure {
            Console.error("weir: \(failure.message)")
            exit(failure.status.rawValue)
        }
        if let code = error as? ExitCode { exit(code.rawValue) }
        let message = Weir.fullMessage(for: error)
        switch Weir.exitCode(for: error) {
        case .success:
            Console.line(message)
            exit(ExitStatus.done.rawValue)
        case .validationFailure:
            Console.error(message)
            exit(ExitStatus.wrongUsage.rawValue)
        default:
            Console.error("weir: \(error)")
            exit(ExitStatus.failed.rawValue)
        }
    }
}

/// The command line.
struct Weir: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "A load balancer for services that run as a handful of containers.",
        discussion: """
            Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 timed out.
            """,
        version: Version.line,
        subcommands: [
            RunCommand.self, DemoCommand.self, CheckCommand.self, ExplainCommand.self,
            DoctorCommand.self,
            StatusCommand.self, TopCommand.self, WaitCommand.self, DrainCommand.self,
            UndrainCommand.self,
            ShiftCommand.self, PauseCommand.self, ResumeCommand.self, RolloutCommand.self,
            ReloadCommand.self, UpgradeCommand.self, VersionCommand.self,
        ])
}

/// What this program is.
enum Version {
    static let number = "0.1.0"
    static let line = "weir \(number)"
}
