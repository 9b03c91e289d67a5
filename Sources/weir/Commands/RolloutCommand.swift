internal import ArgumentParser
internal import ControlPlane

/// `weir rollout`: a deploy that goes on by itself, and turns back by itself.
struct RolloutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Move a split to another pool in steps, judging each.",
        subcommands: [
            RolloutStartCommand.self, RolloutStatusCommand.self, RolloutPauseCommand.self,
            RolloutResumeCommand.self, RolloutPromoteCommand.self, RolloutAbortCommand.self,
        ])
}

/// Begins a rollout.
struct RolloutStartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Begin a rollout; what is not given comes from the configuration's rollouts.",
        discussion: """
            With --wait: exits with 0 when the last step has passed, 1 when it was aborted or \
            ended otherwise, 3 when the time of --timeout is over. The rollout goes on then.
            """)

    @Argument(help: "The split.")
    var split: String

    @Option(help: "The pool of it to move the traffic to.")
    var to: String?

    @Option(help: ArgumentHelp("Rising percents, such as 5,25,50,100.", valueName: "percents"))
    var steps: PercentsArgument?

    @Option(help: ArgumentHelp("How long a step lasts at least.", valueName: "time"))
    var every: DurationArgument?

    @Option(help: ArgumentHelp("Requests that a step takes at least.", valueName: "count"))
    var minRequests: Int?

    @Option(help: ArgumentHelp("How many more errors are allowed, as 1%.", valueName: "percent"))
    var maxErrorDifference: PercentArgument?

    @Option(help: ArgumentHelp("How many times slower is allowed, as 1.5.", valueName: "ratio"))
    var maxLatencyRatio: Double?

    @Option(help: ArgumentHelp("Where latency is judged, as 99%.", valueName: "percent"))
    var latencyQuantile: PercentArgument?

    @Option(
        help: ArgumentHelp("Ready replicas without which no step is taken.", valueName: "count"))
    var ready: Int?

    @Option(help: ArgumentHelp("How long a step may wait for data.", valueName: "time"))
    var patience: DurationArgument?

    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func validate() throws {
        // JSON has no such number: it would arrive as none, and latency would not be judged.
        if let maxLatencyRatio, !maxLatencyRatio.isFinite {
            throw ValidationError("--max-latency-ratio \(maxLatencyRatio): accepted is 1 to 1000")
        }
    }

    func run() throws {
        try waiting.finish(
            try admin.client.startRollout(split, plan: plan), admin.client, .reachesItsEnd)
    }

    private var plan: [JSONValue.Member] {
        let members: [(String, JSONValue?)] = [
            ("to", to.map(JSONValue.string)),
            ("steps", steps.map { .array($0.percents.map(JSONValue.count)) }),
            ("every_ms", every.map { .count($0.milliseconds) }),
            ("min_requests", minRequests.map(JSONValue.count)),
            ("max_error_difference", maxErrorDifference.map { .number($0.share) }),
            ("max_latency_ratio", maxLatencyRatio.map(JSONValue.number)),
            ("latency_quantile", latencyQuantile.map { .number($0.share) }),
            ("ready", ready.map(JSONValue.count)),
            ("patience_ms", patience.map { .count($0.milliseconds) }),
        ]
        return members.compactMap { name, value in value.map { .init(name, $0) } }
    }
}

/// Shows where a rollout is.
struct RolloutStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the last rollout of a split: figures, verdict, and every step so far.")

    @Argument(help: "The split.")
    var split: String

    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func run() throws {
        let report = try admin.reader.rollout(split)
        if waiting.wait {
            return try waiting.finish(report, admin.reader, .reachesItsEnd)
        }
        let style: StatusText.Style = Console.isTerminal ? .terminal : .plain
        Console.line(waiting.json ? report.text : RolloutText(report: report).history(style))
    }
}

/// Lets no further step be taken.
struct RolloutPauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Take no further step. The weights stay; a canary that fails is still aborted.")

    @Argument(help: "The split.")
    var split: String
    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func run() throws {
        try waiting.finish(
            try admin.client.changeRollout(split, .pause), admin.client, .isAccepted)
    }
}

/// Goes on.
struct RolloutResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on after a pause.")

    @Argument(help: "The split.")
    var split: String
    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func run() throws {
        try waiting.finish(
            try admin.client.changeRollout(split, .resume), admin.client, .reachesItsEnd)
    }
}

/// Ends it with all the traffic at the canary.
struct RolloutPromoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "All the traffic to the canary, at once.")

    @Argument(help: "The split.")
    var split: String
    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func run() throws {
        try waiting.finish(
            try admin.client.changeRollout(split, .promote), admin.client, .isAccepted)
    }
}

/// Ends it with the weights that were before.
struct RolloutAbortCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "The weights as before the rollout, at once.")

    @Argument(help: "The split.")
    var split: String
    @OptionGroup var waiting: RolloutWaitOption
    @OptionGroup var admin: AdminOption

    func run() throws {
        try waiting.finish(
            try admin.client.changeRollout(split, .abort), admin.client, .isAccepted)
    }
}
