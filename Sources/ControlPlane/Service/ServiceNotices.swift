internal import Transport

/// What weir tells the service manager that started it, if there is one (sd_notify(3)).
public struct ServiceNotices {
    private let socket: NotifySocket?
    /// How often it wants to hear that this process works; nil: never.
    let watchdogMilliseconds: Int?

    /// Nobody listens.
    public init() {
        socket = nil
        watchdogMilliseconds = nil
    }

    /// - Parameter variable: of the environment.
    public init(process: Int32, variable: (String) -> String?) {
        socket = variable("NOTIFY_SOCKET").flatMap(NotifySocket.init)
        let isMeant = variable("WATCHDOG_PID").map { Int32($0) == process } ?? true
        let microseconds = variable("WATCHDOG_USEC").flatMap { Int($0) } ?? 0
        // Twice as often, so that one that is late does no harm.
        watchdogMilliseconds =
            isMeant && microseconds > 0 ? max(1, microseconds / 2_000) : nil
    }

    func ready(_ status: String) { send("READY=1", "STATUS=\(status)") }

    /// The configuration is read again, or a successor starts; `ready` ends it.
    func reloading(_ status: String) {
        let now = Instant.now().nanoseconds / 1_000
        send("RELOADING=1", "MONOTONIC_USEC=\(now)", "STATUS=\(status)")
    }

    func stopping(_ status: String) { send("STOPPING=1", "STATUS=\(status)") }

    /// From now on the service is another process.
    func mainProcess(_ number: Int32) { send("MAINPID=\(number)") }

    func isAlive() { send("WATCHDOG=1") }

    private func send(_ lines: String...) {
        socket?.send(lines.map { $0.filter { $0 != "\n" } }.joined(separator: "\n"))
    }
}
