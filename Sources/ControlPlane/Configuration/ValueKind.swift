/// One kind of value: what is accepted, in words, and how it is read.
struct ValueKind<Value>: Sendable {
    let accepted: String
    /// Nil after the problem was reported.
    let read: @Sendable (YAMLNode, inout Reading) -> Value?

    init(
        accepted: String, read: @escaping @Sendable (YAMLNode, inout Reading) -> Value?
    ) {
        self.accepted = accepted
        self.read = read
    }

    /// A kind that is written as one piece of text.
    init(
        scalar accepted: String, parse: @escaping @Sendable (String) throws(Refusal) -> Value
    ) {
        self.init(accepted: accepted) { node, reading in
            guard let text = node.text else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            do throws(Refusal) {
                return try parse(text)
            } catch {
                if let message = error.message {
                    reading.report(node.mark, "\(reading.place)\(message)")
                } else {
                    reading.refuse(node, accepted: accepted)
                }
                return nil
            }
        }
    }

    /// The same kind, or a word such as `off` that stands for a value.
    func or(_ words: [String], _ value: Value) -> ValueKind where Value: Sendable {
        let accepted = "\(accepted), or \(words[0])"
        return ValueKind(accepted: accepted) { node, reading in
            if let text = node.text, words.contains(text) { return value }
            return self.read(node, &reading)
        }
    }

    /// The same kind as an optional one, with a word for nil.
    func orNil(_ words: [String]) -> ValueKind<Value?> {
        let accepted = "\(accepted), or \(words[0])"
        return ValueKind<Value?>(accepted: accepted) { node, reading in
            if let text = node.text, words.contains(text) { return .some(nil) }
            return self.read(node, &reading)
        }
    }

    /// The same kind, each value turned into another.
    func map<Other>(_ turn: @escaping @Sendable (Value) -> Other) -> ValueKind<Other> {
        map(marked: { value, _ in turn(value) })
    }

    /// The same with the place where the value stands.
    func map<Other>(marked turn: @escaping @Sendable (Value, Mark) -> Other) -> ValueKind<Other> {
        ValueKind<Other>(accepted: accepted) { node, reading in
            self.read(node, &reading).map { turn($0, node.mark) }
        }
    }

    /// A list of values of this kind.
    ///
    /// - Parameter accepted: one of them, in words.
    func list(_ accepted: String) -> ValueKind<[Value]> {
        ValueKind<[Value]>(accepted: "a list of these: \(accepted)") { node, reading in
            guard case .sequence = node.content else {
                reading.refuse(node, accepted: "a list of these: \(accepted)")
                return nil
            }
            return self.listOrOne.read(node, &reading)
        }
    }

    /// A list of values of this kind, or one of them alone.
    var listOrOne: ValueKind<[Value]> {
        ValueKind<[Value]>(accepted: "\(accepted), or a list of these") { node, reading in
            guard case .sequence(let elements) = node.content else {
                return self.read(node, &reading).map { [$0] }
            }
            if elements.isEmpty { reading.report(node.mark, "\(reading.place)the list is empty") }
            let key = reading.key
            return elements.compactMap { element in
                reading.key = key
                return self.read(element, &reading)
            }
        }
    }
}

extension ValueKind where Value: Sendable {
    /// One of some words; `later` are words of the design that this version does not know yet.
    static func word(
        _ words: KeyValuePairs<String, Value>, later: [String] = []
    ) -> ValueKind {
        let pairs = words.map { ($0.key, $0.value) }
        let names = pairs.map(\.0)
        let accepted = names.joined(separator: ", ")
        return ValueKind(accepted: accepted) { node, reading in
            if let pair = pairs.first(where: { $0.0 == node.text }) { return pair.1 }
            if let text = node.text, later.contains(text) {
                let message = "'\(text)' is not supported by this version"
                reading.report(node.mark, "\(reading.place)\(message); accepted is \(accepted)")
                return nil
            }
            let suggestion = node.text.map { Suggestion.text(for: $0, among: names) }
            reading.refuse(node, accepted: accepted, suggestion: suggestion ?? "")
            return nil
        }
    }
}

extension ValueKind<Int> {
    static func count(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind(scalar: "a number from \(range.lowerBound) to \(range.upperBound)") {
            text throws(Refusal) in
            guard let number = Quantity.number(text), range.contains(number) else {
                throw Refusal()
            }
            return number
        }
    }

    /// Milliseconds.
    static func time(_ range: ClosedRange<Int>) -> ValueKind {
        let low = Quantity.time.text(of: range.lowerBound)
        let high = Quantity.time.text(of: range.upperBound)
        return ValueKind(scalar: "a time from \(low) to \(high), such as 500ms, 1s, 1m or 1h") {
            text throws(Refusal) in
            try Quantity.time.parse(text, in: range)
        }
    }

    /// Bytes.
    static func size(_ range: ClosedRange<Int>) -> ValueKind {
        let low = Quantity.size.text(of: range.lowerBound)
        let high = Quantity.size.text(of: range.upperBound)
        return ValueKind(scalar: "a size from \(low) to \(high), such as 64kB, 16KiB or 1MB") {
            text throws(Refusal) in
            try Quantity.size.parse(text, in: range)
        }
    }
}

extension ValueKind<String> {
    /// Printable text that is not empty.
    static var text: ValueKind {
        ValueKind(scalar: "a text") { text throws(Refusal) in
            guard !text.isEmpty, !text.unicodeScalars.contains(where: \.isControl) else {
                throw Refusal()
            }
            return text
        }
    }

    /// A name that the file defines elsewhere.
    static func name(
        of what: String, _ names: any KeyPath<Reading.Names, Reading.NameList> & Sendable
    ) -> ValueKind {
        ValueKind(accepted: "the name of a \(what)") { node, reading in
            guard let text = node.text else {
                reading.refuse(node, accepted: "the name of a \(what)")
                return nil
            }
            let known = reading.names[keyPath: names]
            if known.contains(text) { return text }
            let near = Suggestion.text(for: text, among: known.all)
            let all = known.all.prefix(20).joined(separator: ", ")
            let rest = near.isEmpty ? known.all.isEmpty ? "" : "; there are \(all)" : near
            reading.report(node.mark, "\(reading.place)no \(what) '\(text.shortened)'\(rest)")
            return nil
        }
    }
}

extension ValueKind<Bool> {
    static var onOff: ValueKind {
        word(["on": true, "off": false, "true": true, "false": false])
    }
}
