/// Where TLS connections go that are passed on undecrypted: by the name that the client asks for.
public struct ServerNames: Sendable {
    /// In order of precedence.
    private let entries: [Entry]
    private let index: HostIndex
    /// For names that are not listed, and clients that name none; nil: they are refused.
    public let fallback: Target?

    /// Which names, and where they lead.
    public struct Entry: Sendable, Equatable {
        public var name: HostPattern
        public var target: Target

        public init(name: HostPattern, target: Target) {
            self.name = name
            self.target = target
        }
    }

    /// - Parameter entries: in any order, each name once.
    public init(_ entries: [Entry], fallback: Target?) {
        let keyed = entries.map { (key: HostKey($0.name), entry: $0) }.sorted { $0.key < $1.key }
        self.entries = keyed.map(\.entry)
        index = HostIndex(keyed.map(\.key))
        self.fallback = fallback
    }

    /// - Parameter name: in either case; nil if the client names none.
    /// - Returns: nil if it is to be refused.
    public func target(of name: Span<UInt8>?) -> Target? {
        guard let name else { return fallback }
        let found = index.mostSpecific(name)
        return found < 0 ? fallback : entries[Int(found)].target
    }

    func deepCopy() -> ServerNames {
        ServerNames(
            entries.map { Entry(name: $0.name.deepCopy(), target: $0.target) }, fallback: fallback)
    }
}

extension ServerNames: Equatable {
    public static func == (left: ServerNames, right: ServerNames) -> Bool {
        left.entries == right.entries && left.fallback == right.fallback
    }
}
