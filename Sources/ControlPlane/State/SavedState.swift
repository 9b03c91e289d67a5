/// What operators did while weir ran, and what must not be lost with the program: the state file's
/// content.
struct SavedState: Equatable, Sendable {
    /// What this weir writes, and the newest that it reads.
    static let versionNow = 1

    var version = SavedState.versionNow
    /// What cookies are signed with, as 32 hexadecimal digits; empty: there is none yet. Secret.
    var key = ""
    var splits: [Split] = []
    var drains: [Drain] = []
    var pauses: [Pause] = []
    var rollouts: [JSONValue] = []

    /// The weights of a split, and which slots belong to which pool.
    struct Split: Equatable, Sendable {
        var name = ""
        var weights: [Weight] = []
        /// What the file said when they were set.
        var fileWeights: [Weight] = []
        /// From slot 0 on; empty: clients have no slots.
        var slots: [SlotRun] = []
    }

    struct Weight: Equatable, Sendable {
        var pool = ""
        var weight = 0
    }

    /// Slots in a row that belong to the same pool; nil is no pool.
    struct SlotRun: Equatable, Sendable {
        var pool: String?
        var count = 0
    }

    /// A replica that an operator drained. Another container with the same name, or at the same
    /// address, is not meant.
    struct Drain: Equatable, Sendable {
        var pool = ""
        var name = ""
        var address = ""
    }

    struct Pause: Equatable, Sendable {
        var pool = ""
        var waitAtMostMilliseconds: Int?
    }
}

/// Why a state file cannot be used.
struct SavedStateError: Error, Equatable, CustomStringConvertible {
    /// Where the mistake is, and what it is.
    let description: String
}

/// The file as text, and back.
extension SavedState {
    /// The text of the file.
    var text: String { json.text + "\n" }

    /// - Throws: the place of the first mistake. Nothing of a file with a mistake is used: half a
    ///   state would be worse than none.
    init(reading bytes: [UInt8]) throws(SavedStateError) {
        do throws(JSONError) {
            let json = try JSONValue(parsing: bytes)
            self = try SavedState.checked(json)
        } catch {
            throw SavedStateError(description: "\(error)")
        }
    }

    private static func checked(_ json: JSONValue) throws(JSONError) -> SavedState {
        func mistake(_ message: String) -> JSONError { JSONError(offset: 0, message: message) }
        guard json.members != nil else { throw mistake("found \(json.kind), expected an object") }
        guard let version = json["version"]?.integer, version > 0 else {
            throw mistake("\"version\" should be a whole number from 1 on")
        }
        guard version <= versionNow else {
            throw mistake(
                "it is of version \(version), from a later weir; this one reads up to"
                    + " \(versionNow)")
        }
        do throws(JSONMismatch) {
            return try SavedState(json: json)
        } catch {
            throw mistake("\(error.path) should be \(error.expected)")
        }
    }
}

extension SavedState: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("version", \.version), JSONField("key", \.key),
            JSONField("splits", \.splits), JSONField("drains", \.drains),
            JSONField("pauses", \.pauses), JSONField("rollouts", \.rollouts),
        ]
    }
}

extension SavedState.Split: JSONRecord {
    static var fields: [JSONField<Self>] {
        [
            JSONField("name", \.name), JSONField("weights", \.weights),
            JSONField("file_weights", \.fileWeights), JSONField("slots", \.slots),
        ]
    }
}

extension SavedState.Weight: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("weight", \.weight)]
    }
}

extension SavedState.SlotRun: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("count", \.count)]
    }
}

extension SavedState.Drain: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("name", \.name), JSONField("address", \.address)]
    }
}

extension SavedState.Pause: JSONRecord {
    static var fields: [JSONField<Self>] {
        [JSONField("pool", \.pool), JSONField("wait_at_most_ms", \.waitAtMostMilliseconds)]
    }
}

extension JSONValue: JSONConvertible {
    var json: JSONValue { self }
    init(json: JSONValue) { self = json }
}
