/// Fills `${NAME}` and `${NAME:-default}` in from the environment; `$$` is a dollar.
///
/// It works on scalars that are parsed already, so that what the environment holds can be nothing
/// but a value: it cannot add keys, lists or comments.
struct Interpolation {
    private(set) var text = ""
    /// What was wrong, each with its offset in characters from the start of the text.
    private(set) var problems: [(offset: Int, message: String)] = []
    private let scalars: [Unicode.Scalar]
    private let environment: [String: String]

    init(of source: String, environment: [String: String]) {
        self.environment = environment
        guard source.utf8.contains(UInt8(ascii: "$")) else {
            text = source
            scalars = []
            return
        }
        scalars = Array(source.unicodeScalars)
        var position = 0
        while position < scalars.count {
            if scalars[position] == "$" {
                position = expand(at: position)
            } else {
                text.unicodeScalars.append(scalars[position])
                position += 1
            }
        }
    }

    /// Expands what the dollar at `position` begins; the position behind it.
    private mutating func expand(at position: Int) -> Int {
        let next = position + 1
        if next < scalars.count, scalars[next] == "$" {
            text.append("$")
            return next + 1
        }
        guard next < scalars.count, scalars[next] == "{",
            let end = scalars[next...].firstIndex(of: "}")
        else {
            problems.append((position, "a '$' that is not ${NAME}; for a plain dollar write $$"))
            return next
        }
        let inner = scalars[(next + 1)..<end]
        append(String(String.UnicodeScalarView(inner)), at: position)
        return end + 1
    }

    private mutating func append(_ inner: String, at offset: Int) {
        let name = String(inner.prefix { $0 != ":" })
        let rest = inner.dropFirst(name.count)
        guard Self.isName(name), rest.isEmpty || rest.hasPrefix(":-") else {
            let found = "${\(inner.shortened)}"
            problems.append((offset, "found '\(found)', accepted is ${NAME} or ${NAME:-default}"))
            return
        }
        let value = environment[name]
        if rest.isEmpty {
            text += value ?? ""
            if value == nil { problems.append((offset, Self.unset(name))) }
        } else {
            text += value.flatMap { $0.isEmpty ? nil : $0 } ?? String(rest.dropFirst(2))
        }
    }

    private static func unset(_ name: String) -> String {
        "the environment has no '\(name)'; set it, or write ${\(name):-default}"
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 65...90, 97...122, 48...57, UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
