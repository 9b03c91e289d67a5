import Foundation

/// A text of the repository, with its path from the root.
struct TextFile: Sendable {
    let path: String
    let text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The module of a file under Sources/.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }
}

/// The files that git keeps: what lies beside them, such as `.build`, is nobody's business.
struct Repository: Sendable {
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
    static let whole = Repository()

    private static let folders = ["Sources", "Tests", "Benchmarks", "conf", "docs", ".ci"]
    private static let texts: Set = [
        "swift", "c", "h", "modulemap", "md", "yaml", "yml", "json", "py", "sh", "conf", "",
    ]

    let files: [TextFile]
    /// All paths, folders and files that are no text included.
    let paths: Set<String>

    private init() {
        var paths: Set<String> = []
        let walk = FileManager.default.enumerator(atPath: Repository.root)
        while let path = walk?.nextObject() as? String {
            let parts = path.split(separator: "/")
            let isHidden = parts.last?.hasPrefix(".") == true && path != ".ci"
            if isHidden || !Repository.folders.contains(String(parts[0])) {
                walk?.skipDescendants()
            }
            if !isHidden { paths.insert(path) }
        }
        self.paths = paths
        files = paths.sorted().compactMap(Repository.read)
    }

    private static func read(_ path: String) -> TextFile? {
        let name = path.split(separator: "/").last ?? ""
        let ending = name.firstIndex(of: ".").map { _ in name.split(separator: ".").last ?? "" }
        guard texts.contains(String(ending ?? "")) else { return nil }
        guard let data = FileManager.default.contents(atPath: "\(root)/\(path)") else { return nil }
        return String(data: data, encoding: .utf8).map { TextFile(path: path, text: $0) }
    }
}
