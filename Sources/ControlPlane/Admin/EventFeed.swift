internal import Transport

/// What `GET /events` sends, as server-sent events (HTML Living Standard §9.2), to whoever reads:
///
/// - `hello` at the beginning: the version, and who may change things;
/// - `status` at once and then every second: the object of `/status` without its events;
/// - `change`: one line of the state log, when it is written. Its id lets a reader that was cut
///   off have what it missed.
///
/// Making a report takes the control loop's time: the next one waits at least twenty times as long
/// as the last one took, so that a thousand replicas cost the loop no more than a twentieth.
final class EventFeed {
    static let readersMaximum = 16
    static let intervalMilliseconds = 1_000
    private static let costFactor = 20

    /// Whether a reader that is behind needs it all the same.
    enum Need { case newestOnly, all }

    /// Takes one event, as it is sent.
    typealias Reader = (_ event: [UInt8], Need) -> Void

    private let loop: EventLoop
    private let log: StateLog
    private let status: () -> StatusReport
    private let hello: () -> JSONValue
    private var readers: [Int: Reader] = [:]
    private var lastReader = 0
    private var timer: EventLoop.Scheduled?

    /// - Parameters:
    ///   - status: how everything is now.
    ///   - hello: what a reader is told first.
    init(
        loop: EventLoop, log: StateLog, status: @escaping () -> StatusReport,
        hello: @escaping () -> JSONValue
    ) {
        self.loop = loop
        self.log = log
        self.status = status
        self.hello = hello
    }

    var isFull: Bool { readers.count >= EventFeed.readersMaximum }

    /// Sends to `reader` from now on, first what it missed.
    ///
    /// - Parameter last: the id of the last change that it has, as it says itself.
    /// - Returns: for `remove`.
    func add(after last: String?, _ reader: @escaping Reader) -> Int {
        lastReader += 1
        let id = lastReader
        if readers.isEmpty {
            log.watch = { [weak self] in self?.tell($0) }
            schedule(afterMilliseconds: EventFeed.intervalMilliseconds)
        }
        readers[id] = reader
        reader(EventFeed.event("hello", hello().text), .all)
        for event in log.events(after: last) { reader(EventFeed.change(event, log), .all) }
        reader(statusEvent(), .newestOnly)
        return id
    }

    func remove(_ id: Int) {
        readers[id] = nil
        guard readers.isEmpty, let timer else { return }
        loop.cancel(timer)
        self.timer = nil
        log.watch = nil
    }

    private func schedule(afterMilliseconds milliseconds: Int) {
        timer = loop.schedule(afterMilliseconds: milliseconds) { [weak self] in self?.report() }
    }

    private func report() {
        let began = Instant.now()
        let event = statusEvent()
        let cost = Instant.now().milliseconds(since: began)
        // First this: the last reader may leave meanwhile, and take the timer with it.
        schedule(
            afterMilliseconds: max(EventFeed.intervalMilliseconds, cost * EventFeed.costFactor))
        for reader in readers.values { reader(event, .newestOnly) }
    }

    private func statusEvent() -> [UInt8] {
        var report = status()
        report.events = []
        return EventFeed.event("status", report.json.text)
    }

    private func tell(_ event: StateLog.Event) {
        let bytes = EventFeed.change(event, log)
        for reader in readers.values { reader(bytes, .all) }
    }

    private static func change(_ event: StateLog.Event, _ log: StateLog) -> [UInt8] {
        self.event("change", Controller.eventReport(event).json.text, id: log.id(of: event))
    }

    /// - Parameter data: one line.
    private static func event(_ name: String, _ data: String, id: String? = nil) -> [UInt8] {
        let id = id.map { "id: \($0)\n" } ?? ""
        return Array("event: \(name)\n\(id)data: \(data)\n\n".utf8)
    }
}
