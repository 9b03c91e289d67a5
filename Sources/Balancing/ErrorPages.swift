/// What a listener's clients are shown in place of weir's own words about an error.
///
/// Immutable, and shared by all workers.
public final class ErrorPages: Sendable {
    private let pages: [Page]

    /// One page, for some statuses.
    public struct Page: Sendable {
        public var statuses: ClosedRange<Int>
        public var contentType: StaticString
        public var bytes: [UInt8]

        public init(statuses: ClosedRange<Int>, contentType: StaticString, bytes: [UInt8]) {
            self.statuses = statuses
            self.contentType = contentType
            self.bytes = bytes
        }
    }

    /// Where several are for a status, the one for the fewest is taken.
    public init(_ pages: [Page]) {
        self.pages = pages.sorted { $0.statuses.count < $1.statuses.count }
    }

    /// Nil where none is for the status.
    public func page(for status: Int) -> Page? {
        pages.first { $0.statuses.contains(status) }
    }
}
