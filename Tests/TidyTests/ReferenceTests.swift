import TestSupport
import Testing

/// What the documents list is what the program has: each in both directions.
@Suite("The references")
struct ReferenceTests {
    private func text(_ path: String) throws -> String {
        try #require(Repository.whole.files.first { $0.path == path }?.text, "\(path)")
    }

    /// The words in the first column of the tables below a heading.
    private func listed(_ path: String, below heading: String? = nil) throws -> Set<String> {
        var part = try text(path)[...]
        if let heading {
            let start = try #require(part.firstRange(of: heading + "\n"))
            part = part[start.upperBound...]
            if let end = part.firstRange(of: "\n## ") { part = part[..<end.lowerBound] }
        }
        var words: Set<String> = []
        for line in part.split(separator: "\n") where line.hasPrefix("| `") {
            let cell = line.split(separator: "|", omittingEmptySubsequences: true)[0]
            for word in cell.matches(of: /`([^`]+)`/) { words.insert(String(word.1)) }
        }
        return words
    }

    private func compare(_ documented: Set<String>, _ known: Set<String>, _ place: String) {
        #expect(known.count > 5, "\(place): nothing was found in the program")
        #expect(documented.subtracting(known).sorted() == [], "\(place) has what is not there")
        #expect(known.subtracting(documented).sorted() == [], "\(place) lacks what is there")
    }

    @Test("Every metric is in docs/metrics.md, and no other")
    func metrics() throws {
        var known: Set<String> = []
        for file in ["MetricsCatalogue", "MetricsPage"] {
            let source = try text("Sources/ControlPlane/Admin/\(file).swift")
            for name in source.matches(of: /"(weir_[a-z0-9_]+)"/) { known.insert(String(name.1)) }
        }
        compare(try listed("docs/metrics.md"), known, "docs/metrics.md")
    }

    @Test("Every reason of a failure is in docs/operations.md, and no other")
    func reasons() throws {
        let source = try text("Sources/DataPlane/Failure.swift")
        let words = try #require(source.firstRange(of: "var word: StaticString"))
        let body = source[words.upperBound...].prefix { $0 != "}" }
        let known = Set(body.matches(of: /: "([a-z_]+)"/).map { String($0.1) })
        compare(
            try listed("docs/operations.md", below: "## Reasons"), known, "the table of reasons")
    }

    @Test("Every attribute of a span is in docs/tracing.md, and no other")
    func attributes() throws {
        var known: Set<String> = []
        for file in ["SpanRecords", "SpanLine"] {
            let source = try text("Sources/DataPlane/\(file).swift")
            for name in source.matches(of: /(?:attribute|begin)\(\s*"([a-z_.]+\.[a-z_.]+)"/) {
                known.insert(String(name.1))
            }
        }
        compare(try listed("docs/tracing.md", below: "## Spans"), known, "the table of attributes")
    }

    @Test("Every field of the access log is in docs/operations.md, and no other")
    func logFields() throws {
        let source = try text("Sources/DataPlane/AccessLog.swift")
        let inAttempts = try #require(source.firstRange(of: "func describeAttempts"))
        let fields = source[..<inAttempts.lowerBound].matches(of: /field\(\s*"([a-z_]+)"/)
        let known = Set(fields.map { String($0.1) }).union(["attempts"])
        compare(
            try listed("docs/operations.md", below: "## The access log"), known,
            "the table of log fields")
    }
}
