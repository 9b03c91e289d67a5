internal import ArgumentParser
internal import ControlPlane
internal import Glibc
internal import Transport

/// `weir wait`: returns when a pool has enough ready replicas; for deploy scripts.
struct WaitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a pool has that many ready replicas.",
        discussion: "Exits with 3 if it has not within the time.")

    @Argument(help: "The pool.")
    var pool: String

    @Option(help: ArgumentHelp("How many replicas must be ready.", valueName: "count"))
    var ready: Int

    @Option(help: ArgumentHelp("How long to wait at most, such as 60s.", valueName: "time"))
    var timeout = DurationArgument(milliseconds: 60_000)

    @OptionGroup var admin: AdminOption

    private static let intervalMicroseconds: UInt32 = 100_000

    func run() throws {
        let client = try admin.client()
        let deadline = Instant.now().adding(milliseconds: timeout.milliseconds)
        var seen = "weir did not answer"
        repeat {
            // A weir that is starting does not answer yet: that, too, is worth waiting for.
            do throws(AdminError) {
                let count = try readyCount(in: try client.status())
                if count >= ready { return }
                seen = "\(count) are ready"
            } catch {
                seen = "\(error)"
            }
            usleep(WaitCommand.intervalMicroseconds)
        } while Instant.now() < deadline
        throw CommandFailure("waited for \(ready) ready replicas of \(pool): \(seen)", status: .timedOut)
    }
}
