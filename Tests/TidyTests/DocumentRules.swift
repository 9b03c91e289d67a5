extension Rule {
    static let documents: [Rule] = [
        Rule(
            "nothing names a path of the machine", in: Files.any,
            examples: [
                .bad("docs/a.md", line: 2, "\nsee \("/wo")rk/shared"),
                .bad("Sources/A/A.swift", "let path = \"\("/tmp/")wt/a\""),
                .bad("Makefile", "cp a \("/ro")ot/"),
                .good("docs/a.md", "a network/workers, /etc/weir, /tmp/weir-1"),
            ]
        ) { file in
            let names = ["wo" + "rk", "ro" + "ot", "tmp/" + "wt"]
            return numbered(file) { line in
                let found = names.first { line.namesFolder("/\($0)") }
                return found.map { "a path of this machine, /\($0); use one from the repository" }
            }
        },
        Rule(
            "links lead somewhere", in: Files.documents,
            examples: [
                .bad("docs/a.md", "see [b](missing.md)"),
                .bad("README.md", line: 2, "\n![a](docs/missing.png)"),
                .bad("docs/a.md", "[b](#missing)"),
                .good("docs/a.md", "[a](architecture.md#threads) [b](https://a.b/c) [c](../conf)"),
                .good("docs/a.md", "# A b, `c`\n[b](#a-b-c)"),
            ]
        ) { file in
            numbered(file) { line in
                for link in line.matches(of: /\]\(([^)\s]+)\)/) {
                    guard let problem = Link(String(link.1), in: file).problem else { continue }
                    return problem
                }
                return nil
            }
        },
        Rule(
            "documents cite files that exist", in: Files.documents,
            examples: [
                .bad("docs/a.md", "see `Sources/Transport/Missing.swift`"),
                .bad("docs/a.md", "see `Missing.swift`"),
                .bad("README.md", "the file `conf/missing.yaml`"),
                .good("docs/a.md", "`Socket.swift`, `Transport/Socket.swift`, `…State.swift`"),
                .good(
                    "docs/a.md", "`/etc/weir/weir.yaml`, `a.yaml`, `docker-compose.override.yml`"),
            ]
        ) { file in
            numbered(file) { line in
                for code in line.matches(of: /`([A-Za-z0-9_.\/+-]+)`/) {
                    let path = String(code.1)
                    guard Citation.isFile(path), !Citation.exists(path) else { continue }
                    return "'\(path)' does not exist; name the file as it is called now"
                }
                return nil
            }
        },
    ]
}

/// A file that a document names in code.
enum Citation {
    /// A path into the folders of the repository, or the name of a Swift file.
    static func isFile(_ path: String) -> Bool {
        guard !path.hasPrefix("/"), let name = path.split(separator: "/").last else { return false }
        if path.hasSuffix(".swift") { return true }
        let folders = ["Sources/", "Tests/", "Benchmarks/", "conf/", "docs/", ".ci/"]
        return name.contains(".") && folders.contains { path.hasPrefix($0) }
    }

    static func exists(_ path: String) -> Bool {
        let paths = Repository.whole.paths
        return paths.contains(path) || paths.contains { $0.hasSuffix("/\(path)") }
    }
}

/// The target of a link in a document.
struct Link {
    private let target: String
    private let file: TextFile

    init(_ target: String, in file: TextFile) {
        self.target = target
        self.file = file
    }

    /// What is wrong with it, if anything is.
    var problem: String? {
        if target.contains("://") || target.hasPrefix("mailto:") { return nil }
        let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? file.path : Self.resolve(String(parts[0]), from: file.path)
        guard path == file.path || path.isEmpty || Repository.whole.paths.contains(path) else {
            return "the link '\(target)' leads to '\(path)', which does not exist"
        }
        guard parts.count == 2, path.hasSuffix(".md") else { return nil }
        let other = path == file.path ? file : Repository.whole.files.first { $0.path == path }
        let anchors = (other?.lines ?? []).filter { $0.hasPrefix("#") }.map(Self.anchor)
        if anchors.contains(String(parts[1])) { return nil }
        return "the link '\(target)' leads to a heading that does not exist"
    }

    static func resolve(_ path: String, from file: String) -> String {
        var parts = file.split(separator: "/").dropLast().map(String.init)
        for part in path.split(separator: "/") {
            switch part {
            case ".": break
            case "..": if !parts.isEmpty { parts.removeLast() }
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }

    /// How a forge names a heading: lower case, signs left out, spaces as dashes.
    private static func anchor(_ heading: Substring) -> String {
        let words = heading.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
        let kept = words.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
        return kept.replacing(" ", with: "-")
    }
}

extension Substring {
    /// Whether the folder stands here as the beginning of a path.
    func namesFolder(_ folder: String) -> Bool {
        ranges(of: folder).contains { range in
            let before =
                range.lowerBound == startIndex ? " " : self[index(before: range.lowerBound)]
            let after = range.upperBound == endIndex ? " " : self[range.upperBound]
            let isStart = !(before.isLetter || before.isNumber || "}_-.".contains(before))
            return isStart && !(after.isLetter || after.isNumber || "_-".contains(after))
        }
    }
}
