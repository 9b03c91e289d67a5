/// A section of the file: its keys, each with the way to read it. Nothing else knows the keys.
struct Section<Value>: Sendable {
    /// Where it stands, such as `pools.NAME.probe`.
    let path: String
    let keys: [Key<Value>]
    /// Pairs of keys that exclude each other.
    let exclusive: [(String, String)]

    init(_ path: String, exclusive: [(String, String)] = [], _ keys: [Key<Value>]) {
        self.path = path
        self.keys = keys
        self.exclusive = exclusive
    }

    /// Reads the entries of `node` into `value`; reports each one that does not fit.
    func read(_ node: YAMLNode, into value: inout Value, _ reading: inout Reading) {
        guard case .mapping(let entries) = node.content else {
            reading.refuse(node, accepted: "a mapping of \(supported.joined(separator: ", "))")
            return
        }
        for entry in entries {
            reading.key = entry.key
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                reportUnknown(entry, &reading)
                continue
            }
            key.read(entry, &value, &reading)
        }
        for (one, other) in exclusive {
            guard let first = node.entry(one), let second = node.entry(other) else { continue }
            let later = max(first.keyMark, second.keyMark)
            reading.report(later, "'\(one)' and '\(other)' exclude each other; keep one")
        }
    }

    var supported: [String] { keys.filter(\.isSupported).map(\.name) }

    private func reportUnknown(_ entry: YAMLNode.Entry, _ reading: inout Reading) {
        let suggestion = Suggestion.text(for: entry.key, among: supported)
        let place = path.isEmpty ? "the file" : "'\(path)'"
        let accepted = supported.joined(separator: ", ")
        reading.report(
            entry.keyMark,
            "unknown key '\(entry.key.shortened)' in \(place)\(suggestion)"
                + (suggestion.isEmpty ? "; accepted are \(accepted)" : ""))
    }
}

/// One key of a section.
struct Key<Owner>: Sendable {
    let name: String
    let isSupported: Bool
    let read: @Sendable (YAMLNode.Entry, inout Owner, inout Reading) -> Void

    /// A key with a way of its own to be read.
    init(
        _ name: String,
        read: @escaping @Sendable (YAMLNode.Entry, inout Owner, inout Reading) -> Void
    ) {
        self.name = name
        self.isSupported = true
        self.read = read
    }

    /// A key whose value goes straight into a property.
    init<Value>(
        _ name: String, _ property: any WritableKeyPath<Owner, Value> & Sendable,
        _ kind: ValueKind<Value>
    ) {
        self.init(name) { entry, owner, reading in
            guard let value = kind.read(entry.value, &reading) else { return }
            owner[keyPath: property] = value
        }
    }

    /// The same for a property that may be nil.
    init<Value>(
        _ name: String, _ property: any WritableKeyPath<Owner, Value?> & Sendable,
        _ kind: ValueKind<Value>
    ) {
        self.init(name) { entry, owner, reading in
            guard let value = kind.read(entry.value, &reading) else { return }
            owner[keyPath: property] = value
        }
    }

    /// A key whose value is a section itself.
    init<Value>(
        _ name: String, _ property: any WritableKeyPath<Owner, Value> & Sendable,
        section inner: Section<Value>
    ) {
        self.init(name) { entry, owner, reading in
            inner.read(entry.value, into: &owner[keyPath: property], &reading)
        }
    }

    /// A key whose value is a section itself, or `off`.
    init<Value>(
        _ name: String, _ property: any WritableKeyPath<Owner, Value> & Sendable,
        section inner: Section<Value>, off: @escaping @Sendable (inout Value) -> Void
    ) {
        self.init(name) { entry, owner, reading in
            if ["off", "false"].contains(entry.value.text) {
                off(&owner[keyPath: property])
            } else if case .mapping = entry.value.content {
                inner.read(entry.value, into: &owner[keyPath: property], &reading)
            } else {
                let keys = inner.supported.joined(separator: ", ")
                reading.refuse(entry.value, accepted: "off, or a mapping of \(keys)")
            }
        }
    }

    /// A key of the design that this version does not know yet: said clearly, never ignored.
    static func later(_ name: String) -> Key {
        Key(later: name)
    }

    private init(later name: String) {
        self.name = name
        self.isSupported = false
        self.read = { entry, _, reading in
            reading.report(entry.keyMark, "'\(name)' is not supported by this version")
        }
    }
}
