extension Rule {
    static let lineMaximum = 100
    static let functionMaximum = 60
    static let fileMaximum = 400

    static let sizes: [Rule] = [
        Rule(
            "lines have at most 100 columns", in: Files.swift,
            examples: [
                .bad("Sources/A/A.swift", line: 2, "\n" + String(repeating: "é", count: 101)),
                .good("Sources/A/A.swift", String(repeating: "é", count: 100)),
            ]
        ) { file in
            file.lines.enumerated().filter { $0.element.count > lineMaximum }.map { line in
                file.violation(
                    line.offset + 1, "\(line.element.count) columns; break it before \(lineMaximum)"
                )
            }
        },
        Rule(
            "files have at most 400 lines", in: Files.swift,
            examples: [
                .bad("Sources/A/A.swift", line: 401, String(repeating: "\n", count: 401)),
                .good("Sources/A/A.swift", String(repeating: "\n", count: 400)),
            ]
        ) { file in
            let count = file.text.count { $0 == "\n" }
            guard count > fileMaximum else { return [] }
            let message = "\(count) lines; split it by aspect into Type+Aspect.swift"
            return [file.violation(fileMaximum + 1, message)]
        },
        Rule(
            "functions have at most 60 lines", in: Files.swift,
            examples: [
                .bad("Sources/A/A.swift", "func a() {" + String(repeating: "\n", count: 60) + "}"),
                .bad(
                    "Sources/A/A.swift", line: 2,
                    "struct A {\ninit(a: () -> Void = { }) {" + String(repeating: "\n", count: 60)
                        + "} }"),
                .good(
                    "Sources/A/A.swift",
                    "protocol A { func a(); func b() }\nstruct B {"
                        + String(repeating: "\n", count: 70) + "func c() { } }"),
                .good(
                    "Sources/A/A.swift", "func a() {" + String(repeating: "\n", count: 59) + "}"),
            ]
        ) { file in
            FunctionSpan.all(in: SwiftTokens.of(file)).compactMap { span in
                guard span.lines > functionMaximum else { return nil }
                return file.violation(
                    span.start, "a function of \(span.lines) lines; give its parts names")
            }
        },
    ]
}

/// From the line of `func` or `init` to the line of the closing brace.
struct FunctionSpan {
    var start: Int
    var end: Int

    var lines: Int { end - start + 1 }

    static func all(in tokens: [Token]) -> [FunctionSpan] {
        tokens.indices.compactMap { index in
            guard starts(at: index, tokens), let open = body(after: index, tokens),
                let close = match(open, tokens)
            else { return nil }
            return FunctionSpan(start: tokens[index].line, end: tokens[close].line)
        }
    }

    /// `init` is also how an initialiser is called: then a dot stands before it.
    private static func starts(at index: Int, _ tokens: [Token]) -> Bool {
        switch tokens[index].text {
        case "func", "deinit": true
        case "init", "subscript": index == 0 || tokens[index - 1].text != "."
        default: false
        }
    }

    /// The brace that opens the body; nil for a requirement of a protocol.
    private static func body(after index: Int, _ tokens: [Token]) -> Int? {
        var depth = 0
        for position in (index + 1)..<max(index + 1, tokens.count) {
            switch tokens[position].text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return position
            case "}" where depth == 0: return nil
            case "func" where depth == 0, "var" where depth == 0, "init" where depth == 0,
                ";" where depth == 0:
                return nil
            default: break
            }
        }
        return nil
    }

    private static func match(_ open: Int, _ tokens: [Token]) -> Int? {
        var depth = 0
        for position in open..<tokens.count {
            switch tokens[position].text {
            case "{": depth += 1
            case "}": depth -= 1
            default: break
            }
            if depth == 0 { return position }
        }
        return nil
    }
}
