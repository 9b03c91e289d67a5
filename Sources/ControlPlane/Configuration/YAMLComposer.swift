/// Builds one tree of nodes from the events of a text: aliases and merge keys resolved, the
/// environment filled in, duplicate keys found, sizes bounded.
struct YAMLComposer: ~Copyable {
    static let depthMaximum = 32
    /// Repeats through aliases counted, so that a few lines cannot stand for millions of nodes.
    static let nodesMaximum = 100_000

    private var events: YAMLEventReader
    private let environment: [String: String]
    private var anchors: [String: YAMLNode] = [:]
    private var nodes = 0
    /// What is wrong, but does not keep the rest from being read.
    private(set) var failures: [YAMLFailure] = []

    init(_ bytes: some Collection<UInt8>, environment: [String: String]) {
        events = YAMLEventReader(bytes)
        self.environment = environment
    }

    /// The only document of the text; nil if there is none.
    ///
    /// - Throws: at the place from which on nothing can be read.
    mutating func document() throws(YAMLFailure) -> YAMLNode? {
        var root: YAMLNode?
        while let event = try events.next() {
            switch event.kind {
            case .documentStart where root != nil:
                throw YAMLFailure(mark: event.mark, message: "a second document; accepted is one")
            case .documentStart:
                guard let first = try events.next() else { return nil }
                root = try node(first, depth: 0)
            default: continue
            }
        }
        return root
    }

    private mutating func node(
        _ event: YAMLEvent, depth: Int
    ) throws(YAMLFailure) -> YAMLNode {
        guard depth < Self.depthMaximum else {
            throw YAMLFailure(
                mark: event.mark,
                message: "nested deeper than \(Self.depthMaximum) levels")
        }
        if let tag = event.tag {
            report(event.mark, "a tag, '\(tag.shortened)'; tags are not supported")
        }
        var node = YAMLNode(mark: event.mark, content: .null)
        switch event.kind {
        case .alias(let name): return try alias(name, at: event.mark)
        case .scalar(let text, let style): node.content = scalar(text, style, event)
        case .sequenceStart: try readSequence(into: &node, depth: depth)
        case .mappingStart: try readMapping(into: &node, depth: depth)
        default: throw YAMLFailure(mark: event.mark, message: "not valid YAML: a value is missing")
        }
        try count(1, at: event.mark)
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func count(_ more: Int, at mark: Mark) throws(YAMLFailure) {
        nodes += more
        guard nodes <= Self.nodesMaximum else {
            throw YAMLFailure(
                mark: mark,
                message: "more than \(Self.nodesMaximum) values, aliases counted each time")
        }
    }

    private mutating func alias(_ name: String, at mark: Mark) throws(YAMLFailure) -> YAMLNode {
        guard var node = anchors[name] else {
            let near = Suggestion.text(for: name, among: anchors.keys.sorted())
            report(mark, "no anchor '&\(name.shortened)' stands above\(near)")
            return YAMLNode(mark: mark, content: .broken)
        }
        try count(node.size, at: mark)
        node.mark = mark
        return node
    }

    private mutating func scalar(
        _ text: String, _ style: YAMLEvent.Style, _ event: YAMLEvent
    ) -> YAMLNode.Content {
        if style == .plain, ["", "~", "null"].contains(text) { return .null }
        let expanded = Interpolation(of: text, environment: environment)
        for problem in expanded.problems {
            report(place(ofOffset: problem.offset, text, style, event), problem.message)
        }
        return expanded.problems.isEmpty ? .scalar(expanded.text) : .broken
    }

    /// Where a character of a scalar stands in the file; the scalar's start if it was written with
    /// escapes or over several lines.
    private func place(
        ofOffset offset: Int, _ text: String, _ style: YAMLEvent.Style, _ event: YAMLEvent
    ) -> Mark {
        let quote = style == .quoted ? 1 : 0
        let width = event.end.column - event.mark.column
        guard style != .block, event.mark.line == event.end.line,
            width == text.unicodeScalars.count + 2 * quote
        else { return event.mark }
        return Mark(line: event.mark.line, column: event.mark.column + quote + offset)
    }

    private mutating func readSequence(
        into node: inout YAMLNode, depth: Int
    ) throws(YAMLFailure) {
        var elements: [YAMLNode] = []
        while let event = try events.next(), event.kind != .sequenceEnd {
            let element = try self.node(event, depth: depth + 1)
            node.size += element.size
            elements.append(element)
        }
        node.content = .sequence(elements)
    }

    private mutating func readMapping(
        into node: inout YAMLNode, depth: Int
    ) throws(YAMLFailure) {
        var mapping = MappingBuilder()
        while let event = try events.next(), event.kind != .mappingEnd {
            let key = try keyText(event, depth: depth)
            guard let next = try events.next() else { break }
            let value = try self.node(next, depth: depth + 1)
            guard let key else { continue }
            node.size += 1 + value.size
            mapping.add(YAMLNode.Entry(key: key, keyMark: event.mark, value: value))
        }
        failures += mapping.failures
        node.content = .mapping(mapping.entries)
    }

    /// The text of a key; nil, and reported, if it is a list or a mapping.
    private mutating func keyText(
        _ event: YAMLEvent, depth: Int
    ) throws(YAMLFailure) -> String? {
        if case .scalar(let text, _) = event.kind {
            if let anchor = event.anchor {
                report(event.mark, "an anchor '&\(anchor.shortened)' on a key; anchor its value")
            }
            return text
        }
        report(event.mark, "a key that is no plain text; accepted is KEY: VALUE")
        _ = try node(event, depth: depth + 1)
        return nil
    }

    private mutating func report(_ mark: Mark, _ message: String) {
        failures.append(YAMLFailure(mark: mark, message: message))
    }
}

/// Collects the entries of one mapping: each key once, own entries before merged ones.
private struct MappingBuilder {
    private var own: [YAMLNode.Entry] = []
    private var merged: [YAMLNode.Entry] = []
    private var lines: [String: Int] = [:]
    private(set) var failures: [YAMLFailure] = []

    /// Own entries in the order of the file, then what `<<` brings and they do not have.
    var entries: [YAMLNode.Entry] {
        var known = Set(own.map(\.key))
        return own + merged.filter { known.insert($0.key).inserted }
    }

    mutating func add(_ entry: YAMLNode.Entry) {
        if let line = lines.updateValue(entry.keyMark.line, forKey: entry.key) {
            let message = "'\(entry.key.shortened)' stands here again, first in line \(line)"
            failures.append(YAMLFailure(mark: entry.keyMark, message: message))
        } else if entry.key == "<<" {
            merge(entry.value)
        } else {
            own.append(entry)
        }
    }

    private mutating func merge(_ value: YAMLNode) {
        switch value.content {
        case .mapping(let entries): merged += entries
        case .sequence(let nodes) where !nodes.isEmpty: nodes.forEach { merge($0) }
        case .broken: break
        default:
            let message = "<<: found \(value.found), accepted is an alias of a mapping"
            failures.append(YAMLFailure(mark: value.mark, message: message))
        }
    }
}
