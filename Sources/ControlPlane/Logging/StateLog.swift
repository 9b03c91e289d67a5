public import Transport

/// The log of changes of state: one line each, at once, with its cause.
///
///     2026-11-21T06:00:00.123Z info pool=web replica=proj-app-2 ready -> down cause=connect_refused
///
/// Used by the control loop's thread only. The newest events are kept for `weir status`.
public final class StateLog {
    /// One line of the log.
    public struct Event: Equatable, Sendable {
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

    /// Events below it are neither written nor kept. A reload may change it.
    public var level: LogConfiguration.Level
    private let sink: (String) -> Void
    private var ring: [Event] = []
    private var oldest = 0

    /// - Parameter sink: gets each line, its end included.
    public init(level: LogConfiguration.Level, sink: @escaping (String) -> Void) {
        self.level = level
        self.sink = sink
    }

    /// A log that writes to a descriptor, for instance that of standard error. What the other end
    /// does not take at once is lost: the balancer never waits for its log.
    public convenience init(level: LogConfiguration.Level, descriptor: Descriptor) {
        self.init(level: level) { line in
            let bytes = Array(line.utf8)
            _ = descriptor.write(bytes.span)
        }
    }

    /// Writes one event. Line breaks and control characters in `text` become spaces, so that
    /// foreign words (an address's name, a server's answer) cannot forge a line.
    public func write(_ level: LogConfiguration.Level, _ text: String) {
        guard level >= self.level else { return }
        let event = Event(
            wallNanoseconds: WallClock.nanoseconds(), level: level, text: StateLog.oneLine(text))
        keep(event)
        sink(event.line + "\n")
    }

    /// The events kept, the oldest first.
    public var events: [Event] { Array(ring[oldest...] + ring[..<oldest]) }

    private func keep(_ event: Event) {
        guard ring.count == StateLog.eventsMaximum else { return ring.append(event) }
        ring[oldest] = event
        oldest = (oldest + 1) % ring.count
    }

    private static func oneLine(_ text: String) -> String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || scalar.value == 0x7f }
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    }
}
