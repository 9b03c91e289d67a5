internal import ArgumentParser
internal import ControlPlane

/// `weir shift`: another share of the traffic, from the next request on.
struct ShiftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shift",
        abstract: "Change the weights of a split, from the next request on.",
        discussion: "Pools not named keep their weight: weir shift web stable=95 canary=5")

    @Argument(help: "The split.")
    var split: String

    @Argument(help: ArgumentHelp("A pool of it and its weight, 0 to 10000.", valueName: "pool=weight"))
    var weights: [WeightArgument]

    @OptionGroup var admin: AdminOption

    func run() throws {
        try admin.client.shift(split, weights.map { ($0.pool, $0.weight) })
        let now = try admin.client.status().splits.first { $0.name == split }?.parts ?? []
        let shares = now.map { "\($0.pool) \($0.weight)" }
        Console.line("\(split): \(shares.joined(separator: ", "))")
    }
}
