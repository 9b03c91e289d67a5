/// A host pattern in the form that is indexed, in its order of precedence.
struct HostKey: Comparable, Hashable {
    enum Kind: Int { case exact, wildcard, any }
    let kind: Kind
    /// Lower case, no trailing dot; a wildcard begins with its dot.
    let bytes: [UInt8]

    init(_ pattern: HostPattern) {
        switch pattern {
        case .any: (kind, bytes) = (.any, [])
        case .exact(let name): (kind, bytes) = (.exact, HostKey.normal(name))
        case .wildcard(let suffix): (kind, bytes) = (.wildcard, HostKey.normal(suffix))
        }
    }

    private init(wildcard bytes: [UInt8]) {
        kind = .wildcard
        self.bytes = bytes
    }

    private static func normal(_ name: String) -> [UInt8] {
        var bytes = name.utf8.map(folded)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return bytes
    }

    static func < (left: HostKey, right: HostKey) -> Bool {
        left.kind != right.kind
            ? left.kind.rawValue < right.kind.rawValue
            : longerFirst(left.bytes, right.bytes)
    }

    /// The less specific patterns that could be for the same hosts, the most specific first.
    var wider: [HostKey] {
        bytes.indices.dropFirst()
            .filter { bytes[$0] == UInt8(ascii: ".") }
            .map { HostKey(wildcard: Array(bytes[$0...])) } + [HostKey(.any)]
    }
}

/// Finds the most specific group of routes by host. Groups are numbered in order of precedence.
struct HostIndex: Sendable {
    private let keys: KeyIndex
    /// For each group the next less specific one for the same hosts, or -1.
    private let parents: [Int32]
    /// The group of routes for any host, or -1.
    private let any: Int32

    /// - Parameter hosts: in order, equal ones side by side.
    init(_ hosts: [HostKey]) {
        var groups: [HostKey: Int32] = [:]
        var distinct: [HostKey] = []
        for host in hosts where groups[host] == nil {
            groups[host] = Int32(distinct.count)
            distinct.append(host)
        }
        parents = distinct.map { host in
            host.kind == .any ? -1 : host.wider.lazy.compactMap { groups[$0] }.first ?? -1
        }
        any = groups[HostKey(.any)] ?? -1
        keys = KeyIndex(
            distinct.enumerated().filter { $0.element.kind != .any }.map { index, host in
                let hash = host.bytes.reversed().reduce(hashStart, hashStep)
                return KeyIndex.Key(scope: 0, bytes: host.bytes, hash: hash, value: Int32(index))
            })
    }

    var longestSearch: Int { keys.longestSearch }

    @inline(__always)
    func parent(of group: Int32) -> Int32 { parents[Int(group)] }

    /// One pass from the last byte to the first: at every dot a wildcard may begin, at the end the
    /// whole name is known. What is found later is more specific.
    func mostSpecific(_ host: Span<UInt8>) -> Int32 {
        guard !keys.isEmpty else { return any }
        let end = endOfName(host)
        var best = any
        var hash = hashStart
        var index = end
        while index > 0 {
            index &-= 1
            let byte = folded(host[index])
            hash = hashStep(hash, byte)
            let isDot = byte == UInt8(ascii: ".")
            guard isDot != (index == 0) else { continue }
            let name = host.extracting(index..<end)
            let found = keys.find(name, hash: hash, scope: 0, letters: .folded)
            if found >= 0 { best = found }
        }
        return best
    }

    /// Where the name ends: before a port and before a trailing dot.
    private func endOfName(_ host: Span<UInt8>) -> Int {
        var end = host.count
        var index = end
        while index > 0, host[index &- 1] &- UInt8(ascii: "0") < 10 { index &-= 1 }
        if index > 0, host[index &- 1] == UInt8(ascii: ":") { end = index &- 1 }
        if end > 0, host[end &- 1] == UInt8(ascii: ".") { end &-= 1 }
        return end
    }
}
