internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// `weir shift`: another share of the traffic, from the next request on.
struct ShiftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shift",
        abstract: "Change the weights of a split, from the next request on.",
        discussion: "Pools not named keep their weight: weir shift web stable=95 canary=5")

    @Argument(help: "The split.")
    var split: String

    @Argument(
        help: ArgumentHelp("A pool of it and its weight, 0 to 10000.", valueName: "pool=weight"))
    var weights: [WeightArgument]

    @Flag(help: "Return when every worker goes by the new weights.")
    var wait = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var admin: AdminOption

    private static let waitMilliseconds = 10_000
    private static let intervalMicroseconds: UInt32 = 5_000

    func run() throws {
        let report = try admin.client.shift(split, weights.map { ($0.pool, $0.weight) })
        if wait { try waitForWorkers(generation: report.generation) }
        guard !json else { return Console.line(report.text) }
        let shares = report.split.parts.map { "\($0.pool) \($0.weight)" }
        Console.line("\(split): \(shares.joined(separator: ", "))")
    }

    private func waitForWorkers(generation: Int) throws {
        let deadline = Instant.now().adding(milliseconds: ShiftCommand.waitMilliseconds)
        while try admin.reader.status().workers.contains(where: { $0.generation < generation }) {
            guard Instant.now() < deadline else {
                throw CommandFailure("shifted, but a worker does not answer", status: .timedOut)
            }
            if !json { Console.progress("\(split): waiting for the workers") }
            usleep(ShiftCommand.intervalMicroseconds)
        }
        if !json { Console.progress("") }
    }
}
