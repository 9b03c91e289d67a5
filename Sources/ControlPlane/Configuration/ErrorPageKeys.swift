/// A file that is shown for some errors of weir's own.
public struct ErrorPageFile: Equatable, Sendable {
    /// 400...599, or part of it.
    public var statuses: ClosedRange<Int>
    public var file: NamedFile

    public init(statuses: ClosedRange<Int>, file: NamedFile) {
        self.statuses = statuses
        self.file = file
    }
}

extension ValueKind<[ErrorPageFile]> {
    static var errorPages: ValueKind {
        let accepted = "a mapping of STATUS: FILE, such as { 5xx: /pages/sorry.html }"
        return ValueKind(accepted: accepted) { node, reading in
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            return entries.compactMap { entry in
                reading.key = "error_pages"
                let text = YAMLNode(mark: entry.keyMark, content: .scalar(entry.key))
                let statuses = ValueKind<ClosedRange<Int>>.errorStatuses.read(text, &reading)
                reading.key = entry.key
                let file = ValueKind<NamedFile>.file.read(entry.value, &reading)
                guard let statuses, let file else { return nil }
                return ErrorPageFile(statuses: statuses, file: file)
            }
        }
    }
}

extension ValueKind<ClosedRange<Int>> {
    fileprivate static var errorStatuses: ValueKind {
        ValueKind(scalar: "a status from 400 to 599, or 4xx or 5xx") { text throws(Refusal) in
            switch text.lowercased() {
            case "4xx": return 400...499
            case "5xx": return 500...599
            default:
                guard text.utf8.count == 3, let status = Int(text), (400...599).contains(status)
                else { throw Refusal() }
                return status...status
            }
        }
    }
}
