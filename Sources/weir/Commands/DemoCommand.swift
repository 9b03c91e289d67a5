internal import ArgumentParser

/// `weir demo`: all of it in one process, to look at.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show weir at work between embedded replicas and an embedded DNS server.",
        discussion: """
            Requests are spread, a replica is added, one is killed, a split is shifted. Then it \
            stays for you to try, until Ctrl-C. Exits with 1 if a request of the tour failed.
            """)

    @Option(help: ArgumentHelp("Replicas there are at first, 2 to 50.", valueName: "count"))
    var replicas = 3

    @Flag(help: "Exit after the tour, as also happens if the output is no terminal.")
    var once = false

    func validate() throws {
        guard (2...50).contains(replicas) else {
            throw ValidationError("--replicas \(replicas): accepted is 2 to 50")
        }
    }

    func run() throws {
        let ending: Demo.Ending = once || !Console.isTerminal ? .exit : .stay
        try Demo(replicas: replicas, ending: ending).run()
    }
}
