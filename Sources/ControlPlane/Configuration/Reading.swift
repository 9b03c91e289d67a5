/// What is known and what was found wrong while one file is read.
struct Reading {
    let file: String
    /// The names that the file defines, so that references can be checked in any order.
    var names = Names()
    /// The key whose value is being read, for messages.
    var key = ""
    private var found: [ConfigurationProblem] = []

    struct Names {
        var listeners = NameList()
        var pools = NameList()
        var splits = NameList()
    }

    /// Names in the order of the file, quick to look up.
    struct NameList {
        let all: [String]
        private let known: Set<String>

        init(_ all: [String] = []) {
            self.all = all
            known = Set(all)
        }

        func contains(_ name: String) -> Bool { known.contains(name) }
    }

    init(file: String) { self.file = file }

    /// In the order of the file, each once: what is wrong in an anchored value is found again at
    /// each alias of it.
    var problems: [ConfigurationProblem] {
        var known: Set<String> = []
        return found.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
            .filter { known.insert($0.description).inserted }
    }

    /// The present key as the beginning of a message; nothing for a command-line flag.
    var place: String { key.isEmpty ? "" : "\(key.shortened): " }

    mutating func report(_ mark: Mark, _ message: String) {
        found.append(
            ConfigurationProblem(
                file: file, line: mark.line, column: mark.column, message: message))
    }

    /// Reports that the value of the present key is not one that is accepted.
    mutating func refuse(_ node: YAMLNode, accepted: String, suggestion: String = "") {
        if node.isBroken { return }
        report(node.mark, "\(place)found \(node.found), accepted is \(accepted)\(suggestion)")
    }
}

/// Why a text is not a value of its kind. Without words, the kind's own `accepted` says enough.
struct Refusal: Error {
    var message: String?

    init(_ message: String? = nil) { self.message = message }
}
