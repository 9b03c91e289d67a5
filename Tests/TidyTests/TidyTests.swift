import Testing

@Suite("Tidy: the structure of the house")
struct TidyTests {
    @Test("Every file keeps the rule", arguments: Rule.all)
    func kept(rule: Rule) {
        for file in Repository.whole.files where !owes(rule, file) {
            for violation in rule.violations(in: file) {
                Issue.record("\(violation)")
            }
        }
    }

    @Test("The rule finds its own examples", arguments: Rule.all)
    func examples(rule: Rule) {
        #expect(rule.examples.contains { $0.line != nil })
        #expect(rule.examples.contains { $0.line == nil })
        for example in rule.examples {
            let file = TextFile(path: example.path, text: example.text)
            let lines = rule.violations(in: file).map(\.line)
            #expect(lines == (example.line.map { [$0] } ?? []), "\(example.text.prefix(80))")
        }
    }

    @Test("A debt is paid off when its file keeps the rule")
    func debts() {
        for debt in Debt.all {
            let rule = Rule.all.first { $0.name == debt.rule }
            let file = Repository.whole.files.first { $0.path == debt.path }
            guard let rule, let file else {
                Issue.record(
                    "Debt.all names '\(debt.rule)' of \(debt.path): there is no such thing")
                continue
            }
            #expect(!rule.violations(in: file).isEmpty, "take \(debt.path) out of Debt.all")
        }
    }

    @Test("A file that may have unsafe code has some")
    func unsafeFiles() {
        for path in Rule.unsafeFiles.keys {
            let files = Repository.whole.files.filter { $0.path.hasPrefix(path) }
            let tokens = files.flatMap { SwiftTokens.of($0) }
            let isNeeded = files.isEmpty || tokens.contains { $0.text == "unsafe" }
            #expect(isNeeded, "take \(path) out of Rule.unsafeFiles")
        }
    }

    @Test("The repository is seen as a whole")
    func seen() {
        let paths = Repository.whole.files.map(\.path)
        for path in ["Package.swift", "docs/architecture.md", "Sources/Transport/Socket.swift"] {
            #expect(paths.contains(path))
        }
        #expect(!paths.contains { $0.contains(".build") })
    }

    @Test("Tokens leave out comments and strings, not what is interpolated")
    func tokens() {
        let text = ##"""
            let a = "x \(b("y")) z" /* c /* d */ e */ + #"f \(g) \#(h)"# // i
            let j = """
                k "l" \(m)
                """
            n
            """##
        let tokens = SwiftTokens.of(TextFile(path: "a.swift", text: text))
        let words = tokens.map(\.text).joined(separator: " ")
        #expect(words == #"let a = " b ( " ) + " h let j = " m n"#)
        #expect(tokens.last?.line == 5)
    }

    private func owes(_ rule: Rule, _ file: TextFile) -> Bool {
        Debt.all.contains { $0.rule == rule.name && $0.path == file.path }
    }
}
