import Testing

/// What a rule found: where, and what to write instead.
struct Violation: CustomStringConvertible, Equatable {
    var path: String
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// One structural invariant, checked on the text of each file.
struct Rule: CustomTestStringConvertible, Sendable {
    /// Short, in lower case; what `Debt` refers to.
    let name: String
    let applies: @Sendable (TextFile) -> Bool
    let check: @Sendable (TextFile) -> [Violation]
    /// Texts that show what the rule is about.
    let examples: [Example]

    var testDescription: String { name }

    /// A text at a path, and the line where the rule objects; nil if it must not.
    struct Example: Sendable {
        var path: String
        var text: String
        var line: Int?

        static func bad(_ path: String, line: Int = 1, _ text: String) -> Example {
            Example(path: path, text: text, line: line)
        }

        static func good(_ path: String, _ text: String) -> Example {
            Example(path: path, text: text, line: nil)
        }
    }

    init(
        _ name: String, in applies: @escaping @Sendable (TextFile) -> Bool, examples: [Example],
        check: @escaping @Sendable (TextFile) -> [Violation]
    ) {
        self.name = name
        self.applies = applies
        self.examples = examples
        self.check = check
    }

    func violations(in file: TextFile) -> [Violation] { applies(file) ? check(file) : [] }

    static let all = imports + sizes + words + documents
}

/// A rule that a file does not keep yet. The list may only get shorter.
struct Debt: Sendable {
    var rule: String
    var path: String
    var reason: String

    static let all: [Debt] = []
}

/// Which files a rule is for.
enum Files {
    @Sendable static func sources(_ file: TextFile) -> Bool {
        file.path.hasPrefix("Sources/") && file.path.hasSuffix(".swift")
    }

    @Sendable static func swift(_ file: TextFile) -> Bool {
        file.path.hasSuffix(".swift") && file.path != "Package.swift"
    }

    @Sendable static func documents(_ file: TextFile) -> Bool { file.path.hasSuffix(".md") }

    @Sendable static func any(_ file: TextFile) -> Bool { true }
}

extension TextFile {
    func violation(_ line: Int, _ message: String) -> Violation {
        Violation(path: path, line: line, message: message)
    }
}
