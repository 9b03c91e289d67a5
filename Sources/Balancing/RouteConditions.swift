/// What routes ask for besides host and path, flat, so that a look costs no reference count.
struct RouteConditions: Sendable {
    private struct Stretch: BitwiseCopyable, Sendable {
        var start: Int32
        var end: Int32
        var isEmpty: Bool { start == end }
        var indices: Range<Int> { Int(start)..<Int(end) }
    }

    private struct Header: BitwiseCopyable, Sendable {
        var name: Stretch
        /// Starts at -1 if any value will do.
        var value: Stretch
    }

    private struct Condition: BitwiseCopyable, Sendable {
        var listeners: Stretch
        var methods: Stretch
        var headers: Stretch

        /// Nothing is asked for.
        var isEmpty: Bool { listeners.isEmpty && methods.isEmpty && headers.isEmpty }
    }

    private var conditions: [Condition] = []
    private var listeners: [Int] = []
    private var methods: [Stretch] = []
    private var headers: [Header] = []
    private var text: [UInt8] = []

    init(_ routes: [Route]) {
        for route in routes {
            let counts = (listeners.count, methods.count, headers.count)
            listeners += route.listeners
            for method in route.methods { methods.append(store(method.utf8)) }
            for rule in route.headers {
                let value = rule.value.map { store($0.utf8) } ?? Stretch(start: -1, end: -1)
                headers.append(Header(name: store(rule.name.utf8.map(folded)), value: value))
            }
            conditions.append(
                Condition(
                    listeners: stretch(counts.0, listeners.count),
                    methods: stretch(counts.1, methods.count),
                    headers: stretch(counts.2, headers.count)))
        }
    }

    private mutating func store(_ bytes: some Sequence<UInt8>) -> Stretch {
        let start = text.count
        text += bytes
        return stretch(start, text.count)
    }

    private func stretch(_ start: Int, _ end: Int) -> Stretch {
        Stretch(start: Int32(start), end: Int32(end))
    }

    /// Whether the request is what the route asks for, host and path aside.
    func admit(_ route: Int, _ request: borrowing RouteRequest) -> Bool {
        conditions[route].isEmpty || meets(conditions[route], request)
    }

    @inline(never)
    private func meets(_ condition: Condition, _ request: borrowing RouteRequest) -> Bool {
        admit(listenerRow: request.listenerRow, condition)
            && admit(method: request.method, condition)
            && admit(fields: request.fields, condition)
    }

    private func admit(listenerRow: Int, _ condition: Condition) -> Bool {
        if condition.listeners.isEmpty { return true }
        for index in condition.listeners.indices where listeners[index] == listenerRow {
            return true
        }
        return false
    }

    private func admit(method: Span<UInt8>, _ condition: Condition) -> Bool {
        if condition.methods.isEmpty { return true }
        for index in condition.methods.indices
        where equals(methods[index], method, .exact) {
            return true
        }
        return false
    }

    private func admit(fields: RequestFields, _ condition: Condition) -> Bool {
        for index in condition.headers.indices where !contains(fields, headers[index]) {
            return false
        }
        return true
    }

    private func contains(_ fields: RequestFields, _ rule: Header) -> Bool {
        for index in fields.positions.indices {
            let field = fields.positions[index]
            let name = fields.head.extracting(Int(field.nameStart)..<Int(field.nameEnd))
            guard equals(rule.name, name, .folded) else { continue }
            if rule.value.start < 0 { return true }
            let value = fields.head.extracting(Int(field.valueStart)..<Int(field.valueEnd))
            if equals(rule.value, value, .exact) { return true }
        }
        return false
    }

    private func equals(
        _ stretch: Stretch, _ bytes: Span<UInt8>, _ letters: KeyIndex.Letters
    ) -> Bool {
        let start = Int(stretch.start)
        guard Int(stretch.end) - start == bytes.count else { return false }
        for index in bytes.indices {
            let byte = letters == .folded ? folded(bytes[index]) : bytes[index]
            if byte != text[start &+ index] { return false }
        }
        return true
    }
}
