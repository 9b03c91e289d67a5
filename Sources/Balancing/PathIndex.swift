/// Finds the longest path prefix, by segment, among the routes of one group of hosts.
struct PathIndex: Sendable {
    /// The routes that share host and path, as positions in the table.
    struct Group: BitwiseCopyable, Sendable {
        var first: Int32
        var end: Int32
        /// The group of the next shorter prefix for the same host, or -1.
        var parent: Int32
    }

    /// What there is for one group of hosts.
    private struct Scope: BitwiseCopyable, Sendable {
        /// The group without a prefix, or -1.
        var root: Int32 = -1
        /// Nothing longer than this needs to be looked up.
        var longestBytes: Int32 = 0
    }

    private struct Place: Hashable {
        var host: Int32
        var path: [UInt8]
    }

    private var groups: [Group] = []
    /// By the number of the group of hosts.
    private var scopes: [Scope] = []
    private let keys: KeyIndex

    var longestSearch: Int { keys.longestSearch }
    /// How many routes share a host and a path at most.
    var largestGroup: Int { groups.map { Int($0.end - $0.first) }.max() ?? 0 }

    /// - Parameter ranks: of the routes in order, so that equal hosts and paths are side by side
    ///   and hosts are numbered as in `HostIndex`.
    init(_ ranks: [RouteRank]) {
        var places: [Place] = []
        var host: HostKey?
        for (position, rank) in ranks.enumerated() {
            if rank.host != host { scopes.append(Scope()) }
            host = rank.host
            let place = Place(host: Int32(scopes.count - 1), path: rank.path)
            if places.last == place {
                groups[groups.count - 1].end += 1
            } else {
                places.append(place)
                groups.append(Group(first: Int32(position), end: Int32(position + 1), parent: -1))
            }
        }
        keys = KeyIndex(
            places.enumerated().filter { !$0.element.path.isEmpty }.map { index, place in
                KeyIndex.Key(
                    scope: place.host, bytes: place.path,
                    hash: place.path.reduce(PathIndex.start(place.host), hashStep),
                    value: Int32(index))
            })
        link(places)
    }

    private mutating func link(_ places: [Place]) {
        let numbers = Dictionary(uniqueKeysWithValues: zip(places, places.indices.map(Int32.init)))
        for (index, place) in places.enumerated() {
            let host = Int(place.host)
            let bytes = Int32(place.path.count)
            scopes[host].longestBytes = max(scopes[host].longestBytes, bytes)
            if bytes == 0 { scopes[host].root = Int32(index) }
            groups[index].parent =
                PathIndex.shorter(place).lazy.compactMap { numbers[$0] }.first ?? -1
        }
    }

    /// The shorter prefixes of the same host, the longest first.
    private static func shorter(_ place: Place) -> [Place] {
        place.path.indices.reversed()
            .filter { place.path[$0] == UInt8(ascii: "/") }
            .map { Place(host: place.host, path: Array(place.path[..<$0])) }
    }

    private static func start(_ host: Int32) -> UInt64 {
        hashStart ^ UInt64(truncatingIfNeeded: host) &* 0x9e37_79b9_7f4a_7c15
    }

    @inline(__always)
    func group(_ number: Int32) -> Group { groups[Int(number)] }

    /// One pass from the first byte to the last: a prefix may end before each slash and at the end.
    func longestPrefix(of path: Span<UInt8>, host: Int32) -> Int32 {
        let scope = scopes[Int(host)]
        var best = scope.root
        var hash = PathIndex.start(host)
        let end = min(path.count, Int(scope.longestBytes))
        var index = 0
        while index < end {
            hash = hashStep(hash, path[index])
            index &+= 1
            guard index == path.count || path[index] == UInt8(ascii: "/") else { continue }
            let prefix = path.extracting(0..<index)
            let found = keys.find(prefix, hash: hash, scope: host, letters: .exact)
            if found >= 0 { best = found }
        }
        return best
    }
}
