internal import ArgumentParser
internal import ControlPlane

/// `weir check`: what is wrong with a configuration, all of it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Find every problem of a configuration, without running it.",
        discussion: "Prints FILE:LINE:COLUMN: message for each, and exits with 1 if there is one.")

    @Argument(help: "The configuration.")
    var file: String

    func run() throws {
        let outcome = ConfigurationSource.file(file).look()
        var problems = outcome.problems
        if let configuration = outcome.configuration {
            problems += TLSFiles.problems(of: configuration)
            problems += ErrorPageFiles.problems(of: configuration)
        }
        for problem in problems { Console.line(problem.description) }
        if !problems.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
        Console.line("\(file): no problems")
    }
}
