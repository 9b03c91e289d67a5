internal import ArgumentParser
internal import ControlPlane

/// `weir pause`: requests to a pool wait.
struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Let the requests of a pool wait, until resume.",
        discussion: """
            As many wait as hold.requests of the pool allows, each as long as --wait-at-most; \
            then they are answered with 503.
            """)

    @Argument(help: "The pool.")
    var pool: String

    @Option(
        help: ArgumentHelp(
            "How long a request waits at most. (default: hold.timeout of the pool)",
            valueName: "time"))
    var waitAtMost: DurationArgument?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func validate() throws {
        guard let waitAtMost, !AdminClient.pauseMilliseconds.contains(waitAtMost.milliseconds)
        else { return }
        throw ValidationError("--wait-at-most: accepted is 1ms to 1h")
    }

    func run() throws {
        let report = try admin.client.pause(
            pool: pool, waitAtMostMilliseconds: waitAtMost?.milliseconds)
        guard !json else { return Console.line(report.text) }
        Console.line(
            "\(pool): paused; requests wait up to \(report.waitAtMostMilliseconds ?? 0) ms")
    }
}

/// `weir resume`: they go on.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let the requests of a paused pool go on, in their order.")

    @Argument(help: "The pool.")
    var pool: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    func run() throws {
        let report = try admin.client.resume(pool: pool)
        guard !json else { return Console.line(report.text) }
        Console.line("\(pool): resumed; \(report.holding) requests were waiting")
    }
}
