import Testing

@testable import ControlPlane

/// The repository that these tests belong to.
let repository = String(#filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" })

/// Reads a text as the file `f`.
func read(_ text: String, environment: [String: String] = [:]) -> ConfigurationReader.Outcome {
    ConfigurationReader.read(text: text, file: "f", environment: environment)
}

/// The configuration of a text that has no problems.
func accepted(
    _ text: String, environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Configuration {
    let outcome = read(text, environment: environment)
    #expect(outcome.problems == [], sourceLocation: sourceLocation)
    return try #require(outcome.configuration, sourceLocation: sourceLocation)
}

/// The problems of a text, as `LINE:COLUMN: message`.
func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
    read(text, environment: environment).problems.map { String($0.description.dropFirst(2)) }
}

/// The pool `web` with some more keys, one on each line from the fourth.
func pool(_ lines: String...) -> String {
    (["listeners: { web: { bind: \":80\" } }", "pools:", "  web:"]
        + (lines.contains { $0.hasPrefix("discover") } ? [] : ["    discover: app:8080"])
        + lines.map { "    \($0)" }).joined(separator: "\n")
}

/// The text of a file of the repository.
func contents(_ path: String) throws -> String {
    String(decoding: try ConfigurationFile.bytes("\(repository)/\(path)"), as: UTF8.self)
}
