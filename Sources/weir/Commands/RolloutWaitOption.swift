internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// How the verbs of a rollout end, and what they print.
struct RolloutWaitOption: ParsableArguments {
    @Flag(help: "Return when the rollout is over, and show how it goes on.")
    var wait = false

    @Option(help: ArgumentHelp("How long to wait at most, such as 1h.", valueName: "time"))
    var timeout: DurationArgument?

    @Flag(help: "Print JSON, as GET /rollouts/SPLIT answers.")
    var json = false

    /// What is done when the verb is done.
    enum Goal {
        /// The change itself.
        case isAccepted
        /// With `--wait`: the rollout's last step has passed.
        case reachesItsEnd
    }

    private static let intervalMicroseconds: UInt32 = 200_000

    /// Prints `report`, or waits for the end of its rollout first.
    func finish(_ report: RolloutReport, _ client: AdminClient, _ goal: Goal) throws {
        guard wait, goal == .reachesItsEnd else { return show(report) }
        var report = report
        let deadline = timeout.map { Instant.now().adding(milliseconds: $0.milliseconds) }
        var shown = ""
        while report.record.stage.isActive {
            let line = RolloutText(report: report).line
            tell(line, after: &shown, report)
            if let deadline, Instant.now() >= deadline {
                show(report)
                throw CommandFailure("still under way: \(line)", status: .timedOut)
            }
            usleep(RolloutWaitOption.intervalMicroseconds)
            report = try look(client, before: report, deadline)
        }
        Console.progress("")
        show(report)
        guard report.record.stage == .succeeded else {
            throw CommandFailure(
                "the rollout of \(report.record.split) was \(report.record.stage.rawValue):"
                    + " \(report.record.cause)")
        }
    }

    /// A weir that is being restarted goes on with the rollout, and so does the waiting.
    private func look(
        _ client: AdminClient, before: RolloutReport, _ deadline: Instant?
    ) throws -> RolloutReport {
        let patience = Instant.now().adding(milliseconds: 30_000)
        while true {
            do throws(AdminError) {
                return try client.rollout(before.record.split)
            } catch {
                guard Instant.now() < patience else { throw error }
                if let deadline, Instant.now() >= deadline { return before }
            }
            usleep(RolloutWaitOption.intervalMicroseconds)
        }
    }

    /// On a terminal the line is kept up to date; elsewhere each step and each wait has its own.
    private func tell(_ line: String, after shown: inout String, _ report: RolloutReport) {
        guard !json else { return }
        if Console.isTerminal { return Console.progress(line) }
        let mark = "\(report.record.stage) \(report.record.stepsTaken) \(report.record.isPaused)"
        if mark != shown { Console.line(line) }
        shown = mark
    }

    private func show(_ report: RolloutReport) {
        Console.line(json ? report.text : RolloutText(report: report).line)
    }
}

/// Percents of the command line: `5,25,50,100`.
struct PercentsArgument: ExpressibleByArgument {
    let percents: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count, numbers.allSatisfy((1...100).contains) else {
            return nil
        }
        percents = numbers
    }
}

/// A percentage of the command line: `1%`, `0.5%`, or the same without the sign.
struct PercentArgument: ExpressibleByArgument {
    /// 0 to 1.
    let share: Double

    init?(argument: String) {
        let digits = argument.hasSuffix("%") ? argument.dropLast() : argument[...]
        guard let number = Double(digits), (0...100).contains(number) else { return nil }
        share = number / 100
    }
}
