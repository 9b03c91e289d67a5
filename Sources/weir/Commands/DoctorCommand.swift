internal import ArgumentParser
internal import ControlPlane

/// `weir doctor`: what will go wrong, and what to change.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find what will go wrong: in this machine, a Compose file, a configuration.",
        discussion: """
            Prints PLACE: wrong or risky: what is found; what to change. Exits with 1 if \
            something is wrong, and with 0 if it is risky at most.
            """)

    @Option(
        name: [.short, .long], help: ArgumentHelp("A configuration of weir.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "The Compose file in which the replicas, and perhaps weir, are services.",
            valueName: "file"))
    var compose: String?

    func run() throws {
        var advice = MachineCheck.run()
        if let compose {
            advice += try ComposeCheck.run(
                file: compose, environment: ConfigurationSource.environment())
        }
        let problems = config.map { ConfigurationSource.file($0).look().problems } ?? []
        for problem in problems { Console.line(problem.description) }
        for item in advice { Console.line(item.description) }
        if advice.isEmpty, problems.isEmpty { Console.line("nothing found") }
        guard problems.isEmpty, !advice.contains(where: { $0.gravity == .wrong }) else {
            throw ExitCode(ExitStatus.failed.rawValue)
        }
    }
}
