extension Rule {
    static let words: [Rule] = [
        typeNames, errorsAreHandled, openWork, unsafeCode, printing, publicDocumentation,
    ]

    /// Words that say nothing, or that depend on where one stands.
    private static let forbidden = [
        "Manager": "say what it does", "Helper": "say what it does", "Helpers": "say what it does",
        "Util": "say what it does", "Utils": "say what it does", "Utility": "say what it does",
        "Common": "name what is common", "Core": "name the part", "Base": "name the role",
        "Impl": "name what is special about it", "Context": "name what it holds",
        "Info": "name what it holds", "Data": "name what it holds",
        "Frontend": "listener, or client side", "Backend": "pool, replica, or upstream side",
        "Downstream": "client", "Peer": "client or replica",
    ]

    /// What everybody who knows the field calls so.
    private static let established: Set = ["TLSContext", "TLSContextRefused"]

    private static let typeNames = Rule(
        "type names say what the type is", in: Files.swift,
        examples: [
            .bad("Sources/A/A.swift", "struct PoolManager {}"),
            .bad("Sources/A/A.swift", line: 2, "\nfinal class RequestContext {}"),
            .bad("Sources/A/A.swift", "enum Backend {}"),
            .bad("Sources/A/A.swift", "typealias ReplicaInfo = Int"),
            .bad("Sources/A/A.swift", "struct Handler {}"),
            .good("Sources/A/A.swift", "struct Database { class func data() {} }"),
            .good("Sources/A/A.swift", "enum DataPlane {}\nstruct Loop { protocol Handler {} }"),
        ]
    ) { file in
        let kinds: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        let tokens = SwiftTokens.of(file)
        return tokens.indices.dropLast().compactMap { index in
            let name = tokens[index + 1]
            guard kinds.contains(tokens[index].text), name.text.first?.isUppercase == true else {
                return nil
            }
            guard !established.contains(name.text) else { return nil }
            if name.text == "Handler", !isNested(index, tokens) {
                return file.violation(name.line, "Handler of what? Name the object")
            }
            let parts = name.text.replacing("DataPlane", with: "").camelCaseWords
            guard let word = parts.first(where: { forbidden[$0] != nil }) else { return nil }
            return file.violation(
                name.line, "'\(word)' in the name \(name.text): \(forbidden[word] ?? "")")
        }
    }

    private static func isNested(_ index: Int, _ tokens: [Token]) -> Bool {
        let before = tokens[..<index]
        return before.count { $0.text == "{" } > before.count { $0.text == "}" }
    }

    private static let errorsAreHandled = Rule(
        "errors are handled", in: Files.sources,
        examples: [
            .bad("Sources/A/A.swift", "let a = \("try")? b()"),
            .bad("Sources/A/A.swift", line: 2, "let a =\n\("try")! b()"),
            .bad("Sources/A/A.swift", line: 3, "do {\n try b()\n} catch {\n // never mind\n}"),
            .bad("Sources/A/A.swift", "do { try b() } catch let error as C { }"),
            .bad("Sources/A/A.swift", "\"\\(\("try")? b())\""),
            .good("Sources/A/A.swift", "do { try b() } catch { log(error) } // try?"),
        ]
    ) { file in
        let tokens = SwiftTokens.of(file)
        return tokens.indices.compactMap { index in
            let token = tokens[index]
            let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
            if token.text == "try", next == "?" || next == "!" {
                return file.violation(
                    token.line, "try\(next); write do, try and catch, and say what happens then")
            }
            guard token.text == "catch",
                let open = tokens[index...].firstIndex(where: { $0.text == "{" }),
                open + 1 < tokens.count, tokens[open + 1].text == "}"
            else { return nil }
            return file.violation(token.line, "an empty catch; handle the error, or let it through")
        }
    }

    private static let openWork = Rule(
        "open work names its issue", in: Files.any,
        examples: [
            .bad("docs/a.md", "\("TO")DO: later"),
            .bad("Sources/A/A.swift", line: 2, "\n// \("FIX")ME"),
            .good("Sources/A/A.swift", "// \("TO")DO(#12): when libyaml can"),
        ]
    ) { file in
        numbered(file) { line in
            let hasMark = ["TO" + "DO", "FIX" + "ME"].contains { line.containsWord($0) }
            guard hasMark, line.firstMatch(of: /#[0-9]+/) == nil else { return nil }
            return "open work without an issue; add its number (#12), or do it"
        }
    }

    /// Where memory is owned or C is wrapped, and why. Everything else uses spans and arrays.
    static let unsafeFiles = [
        "Sources/Transport/": "wraps the kernel: sockets, poller, threads, clocks, raw buffers",
        "Sources/Metrics/CounterTable.swift": "owns the counters' memory, shared between threads",
        "Sources/Balancing/ClientTable.swift": "owns the memory that connections are counted in",
        "Sources/Balancing/RateTable.swift": "owns the memory that workers count clients in",
        "Sources/Balancing/LoadBoard.swift": "owns the cells of load, shared between threads",
        "Sources/HTTP/Message/Fields.swift": "owns the table of field lines",
        "Sources/HTTP/HTTP1/HeadWriter.swift": "writes to the front of a span",
        "Sources/HTTP/HTTP1/Words.swift": "reads eight bytes at a time out of a span",
        "Sources/HTTP/HTTP1/Copying.swift": "copies bytes between spans",
        "Sources/HTTP/HTTP1/ShortText.swift": "reads constant text in place",
        "Sources/HTTP/HTTP2/": "wraps libnghttp2 and owns the state behind a session",
        "Sources/DataPlane/Slab.swift": "owns the slots of connections",
        "Sources/ControlPlane/Configuration/YAMLEvents.swift": "wraps libyaml",
        "Sources/ControlPlane/Configuration/ConfigurationFile.swift": "wraps open and read",
        "Sources/ControlPlane/Discovery/DNSChannel.swift": "wraps c-ares",
        "Sources/ControlPlane/Discovery/SystemFile.swift": "wraps open and read",
        "Sources/ControlPlane/TLS/FileStamp+Reading.swift": "wraps stat",
        "Sources/ControlPlane/State/StateFile.swift": "wraps open, fsync and rename",
        "Sources/ControlPlane/Admin/AdminSocketFile.swift": "wraps unlink and its like",
        "Sources/weir/ConfigurationSource.swift": "reads the environment",
        "Sources/weir/Demo/DemoClient.swift": "wraps poll on a socket",
        "Sources/weir/Demo/PrivateFile.swift": "wraps open and unlink",
        "Sources/weir/Terminal.swift": "wraps the terminal's settings and size",
        "Sources/weir/StartTime.swift": "reads the clock of the process",
    ]

    private static let unsafeCode = Rule(
        "unsafe code stands in few files", in: Files.sources,
        examples: [
            .bad("Sources/DataPlane/A.swift", line: 2, "\nlet a = unsafe b.pointee"),
            .good("Sources/DataPlane/A.swift", "// unsafe\nlet a = \"unsafe\""),
            .good("Sources/Transport/A.swift", "let a = unsafe b.pointee"),
        ]
    ) { file in
        guard !unsafeFiles.keys.contains(where: { file.path.hasPrefix($0) }) else { return [] }
        guard let first = SwiftTokens.of(file).first(where: { $0.text == "unsafe" }) else {
            return []
        }
        return [
            file.violation(
                first.line,
                "unsafe code; use Span or Array, or a type that wraps it already. If this file has"
                    + " to own memory or wrap C, add it with its reason to Rule.unsafeFiles")
        ]
    }

    private static let printing = Rule(
        "only the program prints",
        in: { Files.sources($0) && !$0.path.hasPrefix("Sources/weir/") },
        examples: [
            .bad("Sources/DataPlane/A.swift", "print(\"here\")"),
            .good("Sources/weir/A.swift", "print(\"here\")"),
            .good("Sources/DataPlane/A.swift", "page.print(1)\nfunc print(_ a: Int) {}"),
        ]
    ) { file in
        let tokens = SwiftTokens.of(file)
        return tokens.indices.compactMap { index in
            guard ["print", "debugPrint", "dump"].contains(tokens[index].text),
                index + 1 < tokens.count, tokens[index + 1].text == "(",
                index == 0 || ![".", "func"].contains(tokens[index - 1].text)
            else { return nil }
            return file.violation(
                tokens[index].line, "\(tokens[index].text) in a module; log it, or return it")
        }
    }

    /// Properties and plain initialisers may speak by their names alone; types and functions, and
    /// initialisers that can fail, say what they do.
    private static let publicDocumentation = Rule(
        "public declarations are documented", in: Files.sources,
        examples: [
            .bad("Sources/A/A.swift", "public struct A {}"),
            .bad("Sources/A/A.swift", line: 3, "/// A.\n\npublic func a() {}"),
            .bad("Sources/A/A.swift", line: 2, "// Not this.\npublic static func a() {}"),
            .bad("Sources/A/A.swift", "public init?(a: Int) {}"),
            .good("Sources/A/A.swift", "/// A.\n@safe\npublic final class A {}"),
            .good("Sources/A/A.swift", "public import B\npublic var a = 1\npublic init() {}"),
            .good("Sources/A/A.swift", "public static func == (a: A, b: A) -> Bool { true }"),
        ]
    ) { file in
        let tokens = SwiftTokens.of(file)
        let lines = file.lines
        return tokens.indices.compactMap { index in
            guard tokens[index].text == "public", needsWords(at: index, tokens) else { return nil }
            var above = tokens[index].line - 2
            while above >= 0, lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
            let isDocumented = above >= 0 && lines[above].drop { $0 == " " }.hasPrefix("///")
            guard !isDocumented else { return nil }
            return file.violation(
                tokens[index].line, "public without a doc comment; say what it does, in ///")
        }
    }

    private static func needsWords(at index: Int, _ tokens: [Token]) -> Bool {
        let modifiers: Set = [
            "final", "static", "mutating", "nonmutating", "borrowing", "consuming", "nonisolated",
            "override", "indirect", "unsafe",
        ]
        var next = index + 1
        while next < tokens.count, modifiers.contains(tokens[next].text) { next += 1 }
        guard next + 1 < tokens.count else { return false }
        switch tokens[next].text {
        case "struct", "class", "enum", "protocol", "actor", "typealias", "subscript": return true
        case "func": return tokens[next + 1].text.first?.isLetter == true
        case "init": return tokens[next + 1].text == "?"
        default: return false
        }
    }

    /// Checks each line for itself.
    static func numbered(
        _ file: TextFile, _ message: (Substring) -> String?
    ) -> [Violation] {
        file.lines.enumerated().compactMap { line in
            message(line.element).map { file.violation(line.offset + 1, $0) }
        }
    }
}

extension String {
    /// `HTTPRequestHead` is HTTP, Request, Head.
    var camelCaseWords: [String] {
        var words: [String] = []
        let letters = Array(self)
        for (index, letter) in letters.enumerated() {
            let isAfterLower = index > 0 && !letters[index - 1].isUppercase
            let isBeforeLower = index + 1 < letters.count && letters[index + 1].isLowercase
            if letter.isUppercase, isAfterLower || isBeforeLower || index == 0 { words.append("") }
            if words.isEmpty { words.append("") }
            words[words.count - 1].append(letter)
        }
        return words
    }
}

extension Substring {
    func containsWord(_ word: String) -> Bool {
        split { !$0.isLetter }.contains { $0 == word }
    }
}
