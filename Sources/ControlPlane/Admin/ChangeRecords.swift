/// What `POST /drain` takes.
struct DrainBody: JSONRecord {
    var replicas: [String] = []
    var pool: String?
    var olderThanMilliseconds: Int?
    var tunnelMilliseconds: Int?
    var isForced = false

    static var fields: [JSONField<Self>] {
        [
            JSONField("replicas", \.replicas), JSONField("pool", \.pool),
            JSONField("older_than_ms", \.olderThanMilliseconds),
            JSONField("tunnels_ms", \.tunnelMilliseconds), JSONField("force", \.isForced),
        ]
    }

    /// - Throws: 400 if a time is negative or beyond a week.
    func request() throws(AdminRefusal) -> DrainRequest {
        let times = [
            ("older_than_ms", olderThanMilliseconds), ("tunnels_ms", tunnelMilliseconds),
        ]
        for (name, time) in times {
            guard let time, !(0...604_800_000).contains(time) else { continue }
            throw AdminRefusal(400, "body: \(name) is \(time); it may be 0 to 604800000")
        }
        return DrainRequest(
            replicas: replicas, pool: pool, olderThanMilliseconds: olderThanMilliseconds,
            tunnelMilliseconds: tunnelMilliseconds, emptying: isForced ? .allowed : .refused)
    }
}

/// What `POST /undrain` takes.
struct UndrainBody: JSONRecord {
    var replicas: [String] = []
    var pool: String?

    static var fields: [JSONField<Self>] {
        [JSONField("replicas", \.replicas), JSONField("pool", \.pool)]
    }

    var request: DrainRequest { DrainRequest(replicas: replicas, pool: pool) }
}

/// What `POST /pools/NAME/pause` takes.
struct PauseBody: JSONRecord {
    var waitAtMostMilliseconds: Int?

    static var fields: [JSONField<Self>] {
        [JSONField("wait_at_most_ms", \.waitAtMostMilliseconds)]
    }
}

/// What became of a drain, or of taking in again.
public struct DrainReport: Equatable, Sendable {
    /// Once every worker goes by this snapshot, nothing new begins on a drained replica.
    public var generation = 0
    public var replicas: [Replica] = []

    /// One replica that was meant.
    public struct Replica: Equatable, Sendable {
        public var pool = ""
        public var name = ""
        public var address = ""
        public var state = ""
        public var isDrained = false
        /// Requests and tunnels.
        public var inFlight = 0

        public init() {}
    }

    public init() {}
}

extension DrainReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("generation", \.generation), JSONField("replicas", \.replicas)]
    }
}

extension DrainReport.Replica: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("pool", \.pool), JSONField("name", \.name),
            JSONField("address", \.address), JSONField("state", \.state),
            JSONField("drained", \.isDrained), JSONField("in_flight", \.inFlight),
        ]
    }
}

/// What became of a shift: the split as it is now.
public struct ShiftReport: Equatable, Sendable {
    /// Once every worker goes by this snapshot, so do all requests.
    public var generation = 0
    public var split = SplitReport()

    public init() {}
}

extension ShiftReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("generation", \.generation)]
            + SplitReport.fields.map { JSONField($0, within: \.split) }
    }
}

/// What became of a reload.
public struct ReloadReport: Equatable, Sendable {
    /// Of the snapshot by which the new configuration is in use.
    public var generation = 0

    public init() {}
}

/// What became of an upgrade.
public struct UpgradeReport: Equatable, Sendable {
    /// The number of the process that serves now.
    public var process = 0
}

extension UpgradeReport: JSONRecord {
    static var fields: [JSONField<Self>] { [JSONField("process", \.process)] }
}

extension UpgradeReport {
    /// As the admin interface answered it.
    public var text: String { json.text }
}

extension ReloadReport: JSONRecord {
    static var fields: [JSONField<Self>] { [JSONField("generation", \.generation)] }
}

/// What became of a pause, or of its end.
public struct PauseReport: Equatable, Sendable {
    public var generation = 0
    public var pool = ""
    public var isPaused = false
    public var waitAtMostMilliseconds: Int?
    /// Requests that wait now.
    public var holding = 0

    public init() {}
}

extension PauseReport: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("generation", \.generation), JSONField("pool", \.pool),
            JSONField("paused", \.isPaused),
            JSONField("wait_at_most_ms", \.waitAtMostMilliseconds), JSONField("holding", \.holding),
        ]
    }
}

/// As one line of JSON.
extension DrainReport {
    /// It has no line end.
    public var text: String { json.text }
}

/// As one line of JSON.
extension ShiftReport {
    /// It has no line end.
    public var text: String { json.text }
}

/// As one line of JSON.
extension ReloadReport {
    /// It has no line end.
    public var text: String { json.text }
}

/// As one line of JSON.
extension PauseReport {
    /// It has no line end.
    public var text: String { json.text }
}
