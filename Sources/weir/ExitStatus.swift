/// How a command ended, as scripts see it.
enum ExitStatus: Int32, Sendable {
    case done = 0
    /// Refused, or tried in vain.
    case failed = 1
    case wrongUsage = 2
    case timedOut = 3
}

/// The reason why a command ends without having done its work; the message goes to standard error.
struct CommandFailure: Error {
    let message: String
    let status: ExitStatus

    init(_ message: String, status: ExitStatus = .failed) {
        self.message = message
        self.status = status
    }
}
