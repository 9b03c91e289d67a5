internal import Metrics

/// The sockets and files that a process hands to its successor, which has them under the same
/// numbers.
struct HandoverSockets: JSONRecord, Equatable {
    static let versionNow = 1

    /// A successor that does not know it refuses to start.
    var version = HandoverSockets.versionNow
    /// Who hands over.
    var process = 0
    var groups: [Group] = []

    /// What belongs together: all sockets of a listener, or one of something else.
    struct Group: JSONRecord, Equatable {
        /// A word of `Kind`; others are closed.
        var kind = ""
        var name = ""
        /// The address or path as the configuration says it.
        var place = ""
        var descriptors: [Int] = []

        static var fields: [JSONField<Self>] {
            [
                JSONField("kind", \.kind), JSONField("name", \.name), JSONField("place", \.place),
                JSONField("descriptors", \.descriptors),
            ]
        }
    }

    enum Kind: String {
        case listener
        case adminAddress = "admin-address"
        case adminSocket = "admin-socket"
        case accessLog = "access-log"
    }

    static var fields: [JSONField<Self>] {
        [
            JSONField("version", \.version), JSONField("process", \.process),
            JSONField("groups", \.groups),
        ]
    }
}

/// What a process knows and its successor is to go on with. Members that are missing, from another
/// version, are as at a usual start.
struct HandoverState: JSONRecord, Equatable {
    /// What a restart keeps, whether there is a state file or not.
    var saved = SavedState()
    var pools: [PoolMemory] = []
    var counts = HandoverCounts()
    /// How many rollouts of a split were aborted.
    var aborts = CountsByName()
    /// By what each is for, in hexadecimal digits.
    var secrets: [Secret] = []

    struct PoolMemory: JSONRecord, Equatable {
        var name = ""
        var ejections = 0
        var replicas: [ReplicaMemory] = []

        static var fields: [JSONField<Self>] {
            [
                JSONField("name", \.name), JSONField("ejections", \.ejections),
                JSONField("replicas", \.replicas),
            ]
        }
    }

    struct Secret: JSONRecord, Equatable {
        var name = ""
        var digits = ""

        static var fields: [JSONField<Self>] {
            [JSONField("name", \.name), JSONField("digits", \.digits)]
        }
    }

    static var fields: [JSONField<Self>] {
        [
            JSONField("saved", \.saved), JSONField("pools", \.pools),
            JSONField("counts", \.counts), JSONField("aborts", \.aborts),
            JSONField("secrets", \.secrets),
        ]
    }
}

/// What a process counted, by the names of things. Gauges are not in it.
struct HandoverCounts: JSONRecord, Equatable {
    var listeners: [Row] = []
    var pools: [Row] = []
    /// Named by pool and address.
    var replicas: [Row] = []

    struct Row: JSONRecord, Equatable {
        var name = ""
        var counts = CountsByName()

        static var fields: [JSONField<Self>] {
            [JSONField("name", \.name), JSONField("counts", \.counts)]
        }
    }

    static var fields: [JSONField<Self>] {
        [
            JSONField("listeners", \.listeners), JSONField("pools", \.pools),
            JSONField("replicas", \.replicas),
        ]
    }

    /// What was counted since `earlier`.
    func since(_ earlier: HandoverCounts) -> HandoverCounts {
        var result = HandoverCounts()
        result.listeners = HandoverCounts.difference(listeners, earlier.listeners)
        result.pools = HandoverCounts.difference(pools, earlier.pools)
        result.replicas = HandoverCounts.difference(replicas, earlier.replicas)
        return result
    }

    private static func difference(_ now: [Row], _ then: [Row]) -> [Row] {
        let before = Dictionary(then.map { ($0.name, $0.counts) }) { first, _ in first }
        return now.map { row in
            var row = row
            for (name, count) in before[row.name]?.counts ?? [:] {
                // A row that was cleared since, for another thing, began anew.
                if let now = row.counts.counts[name], now >= count {
                    row.counts.counts[name] = now - count
                }
            }
            return row
        }
    }
}

/// Numbers by name, as the members of an object. Zeros are left out.
struct CountsByName: JSONConvertible, Equatable {
    var counts: [String: Int] = [:]

    init(_ counts: [String: Int] = [:]) { self.counts = counts.filter { $0.value != 0 } }

    var json: JSONValue {
        .object(
            counts.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .count($0.value)) })
    }

    init(json: JSONValue) throws(JSONMismatch) {
        guard let members = json.members else {
            throw JSONMismatch(path: "", expected: "an object")
        }
        for member in members {
            do throws(JSONMismatch) {
                counts[member.name] = try Int(json: member.value)
            } catch {
                throw error.inside(member.name)
            }
        }
    }
}

/// The columns that go over, by names that stay the same when columns are added.
enum HandoverColumns {
    static let listeners = names(ListenerColumn.allCases, but: [.open])
    static let replicas = names(ReplicaColumn.allCases, but: [.connectionsOpen, .connectionsIdle])
    static let pools: [(name: String, column: Int)] =
        names(PoolColumn.allCases, but: [.holding, .histogram])
        + RescueClass.allCases.map { ("rescued_\($0.word)", PoolColumn.rescued($0)) }
        + (0..<Histogram.bucketCount).map { ("bucket_\($0)", PoolColumn.histogram.rawValue + $0) }

    private static func names<Column: RawRepresentable<Int> & Equatable>(
        _ columns: [Column], but gauges: [Column]
    ) -> [(name: String, column: Int)] {
        columns.filter { !gauges.contains($0) }.map { ("\($0)", $0.rawValue) }
    }
}
