internal import Glibc
public import Transport

/// The log of changes of state: one line each, at once, with its cause.
///
///     2026-11-21T06:00:00.123Z warning pool=web replica=proj-app-2 172.18.0.3:8080
///         ready -> down cause="connect refused"          (all on one line)
///
/// Used by the control loop's thread only. The newest events are kept for `weir status`.
public final class StateLog {
    /// One line of the log.
    public struct Event: Equatable, Sendable {
        /// From 1 on, since the program started.
        public var number = 0
        /// Since 1970, UTC.
        public var wallNanoseconds: UInt64
        public var level: LogConfiguration.Level
        /// What changed, from what to what, and why; one line.
        public var text: String

        /// The line as it is written, without its end.
        public var line: String {
            "\(WallClock.timestamp(nanoseconds: wallNanoseconds)) \(level.rawValue) \(text)"
        }
    }

    /// How many events are kept.
    public static let eventsMaximum = 256
    /// How long one event's text may be, so that a line in UTF-8 stays below `PIPE_BUF`.
    private static let textScalarsMaximum = 1_000

    /// Events below it are neither written nor kept. A reload may change it.
    public var level: LogConfiguration.Level
    /// Lines that the other end was not ready to take.
    public private(set) var linesLost = 0
    /// Called with each event, after it was written.
    var watch: ((Event) -> Void)?
    private let began = WallClock.nanoseconds()
    private var count = 0
    /// Takes one line with its end; false if it did not.
    private let sink: (String) -> Bool
    private var ring: [Event] = []
    private var oldest = 0

    /// - Parameter sink: gets each line, its end included.
    public init(level: LogConfiguration.Level, sink: @escaping (String) -> Void) {
        self.level = level
        self.sink = { line in
            sink(line)
            return true
        }
    }

    /// A log that writes to a descriptor, for instance that of standard error. A line that the
    /// other end is not ready for is lost and counted: weir never waits for the reader of its log.
    public init(level: LogConfiguration.Level, descriptor: Descriptor) {
        self.level = level
        sink = { StateLog.write($0, to: descriptor) }
    }

    /// Writes one event. Line breaks and control characters in `text` become spaces, so that
    /// foreign words (an address's name, a server's answer) cannot forge a line.
    public func write(_ level: LogConfiguration.Level, _ text: String) {
        guard level >= self.level else { return }
        count += 1
        let event = Event(
            number: count, wallNanoseconds: WallClock.nanoseconds(), level: level,
            text: StateLog.oneLine(text))
        keep(event)
        if !sink(event.line + "\n") { linesLost += 1 }
        watch?(event)
    }

    /// The events kept, the oldest first.
    public var events: [Event] { Array(ring[oldest...] + ring[..<oldest]) }

    /// What tells an event from those of any other weir.
    func id(of event: Event) -> String { "\(began)-\(event.number)" }

    /// The events kept that are newer than the one with that id; all of them if there is none.
    func events(after id: String?) -> [Event] {
        guard let id, id.hasPrefix("\(began)-"), let number = Int(id.dropFirst("\(began)-".count))
        else { return events }
        return events.filter { $0.number > number }
    }

    private func keep(_ event: Event) {
        guard ring.count == StateLog.eventsMaximum else { return ring.append(event) }
        ring[oldest] = event
        oldest = (oldest + 1) % ring.count
    }

    /// The descriptor may be shared with others and so is not made non-blocking; but a pipe that is
    /// ready takes as many bytes as a line may have without waiting (pipe(7), PIPE_BUF).
    private static func write(_ line: String, to descriptor: Descriptor) -> Bool {
        guard descriptor.isWritable() else { return false }
        let bytes = Array(line.utf8)
        return descriptor.write(bytes.span) == .bytes(bytes.count)
    }

    private static func oneLine(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(textScalarsMaximum).map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
