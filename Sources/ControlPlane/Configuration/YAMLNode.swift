/// A place in a file; line and column count from 1, the column in characters.
struct Mark: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static let start = Mark(line: 1, column: 1)

    static func < (left: Mark, right: Mark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value of a YAML document that knows where it stands.
struct YAMLNode: Sendable {
    var mark: Mark
    var content: Content
    /// How many nodes it is made of, itself and repeats through aliases included.
    var size = 1

    enum Content: Sendable {
        /// Nothing after the key, `~` or `null`.
        case null
        /// Text with the environment filled in, quoted or not.
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([Entry])
        /// Something whose problem is reported already; nothing more is said about it.
        case broken
    }

    struct Entry: Sendable {
        var key: String
        var keyMark: Mark
        var value: YAMLNode
    }

    /// The entries of a mapping; none for anything else.
    var entries: [Entry] {
        if case .mapping(let entries) = content { entries } else { [] }
    }

    var isNull: Bool {
        if case .null = content { true } else { false }
    }

    var isBroken: Bool {
        if case .broken = content { true } else { false }
    }

    /// The text of a scalar.
    var text: String? {
        if case .scalar(let text) = content { text } else { nil }
    }

    /// The entry of a mapping with this key.
    func entry(_ key: String) -> Entry? { entries.first { $0.key == key } }

    /// What a problem says was found here.
    var found: String {
        switch content {
        case .null: "nothing"
        case .scalar(let text): "'\(text.shortened)'"
        case .sequence(let nodes): nodes.isEmpty ? "an empty list" : "a list"
        case .mapping(let entries): entries.isEmpty ? "an empty mapping" : "a mapping"
        case .broken: "nothing to use"
        }
    }
}

extension String {
    /// Short and printable enough to stand in a message.
    var shortened: String {
        let printable = unicodeScalars.prefix(60).map { scalar in
            scalar.isControl ? "?" : String(scalar)
        }
        return printable.joined() + (unicodeScalars.count > 60 ? "…" : "")
    }
}

extension Unicode.Scalar {
    /// Whether it would move the cursor of a terminal or break a line of a log.
    var isControl: Bool { value < 32 || (127...159).contains(value) }
}
