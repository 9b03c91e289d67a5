/// Reads what the operator wrote, and finds everything that is wrong with it at once.
public enum ConfigurationReader {
    /// The configuration if it is whole, and the problems if it is not; never both, never neither.
    public typealias Outcome = (
        configuration: Configuration?, problems: [ConfigurationProblem]
    )

    /// Reads a file of at most 1 MiB.
    ///
    /// - Parameter environment: what `${NAME}` is taken from.
    public static func read(file path: String, environment: [String: String]) -> Outcome {
        do throws(ConfigurationFile.Failure) {
            let bytes = try ConfigurationFile.bytes(path)
            return read(bytes: bytes, file: path, environment: environment)
        } catch {
            let problem = ConfigurationProblem(
                file: path, line: 1, column: 1, message: error.message)
            return (nil, [problem])
        }
    }

    /// Reads a text as if it stood in `file`.
    public static func read(
        text: String, file: String, environment: [String: String]
    ) -> Outcome {
        read(bytes: Array(text.utf8), file: file, environment: environment)
    }

    static func read(bytes: [UInt8], file: String, environment: [String: String]) -> Outcome {
        var reading = Reading(file: file)
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let text = bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...]
        var composer = YAMLComposer(text, environment: environment)
        var configuration = Configuration()
        do throws(YAMLFailure) {
            let document = try composer.document()
            composer.failures.forEach { reading.report($0.mark, $0.message) }
            read(document, into: &configuration, &reading)
        } catch {
            composer.failures.forEach { reading.report($0.mark, $0.message) }
            reading.report(error.mark, error.message)
        }
        let problems = reading.problems
        return (problems.isEmpty ? configuration : nil, problems)
    }

    private static func read(
        _ document: YAMLNode?, into configuration: inout Configuration, _ reading: inout Reading
    ) {
        guard let document, !document.isNull else {
            reading.report(.start, "the file is empty; it needs 'listeners' and 'pools'")
            return
        }
        func names(_ key: String) -> Reading.NameList {
            Reading.NameList(document.entry(key)?.value.entries.map(\.key) ?? [])
        }
        reading.names.listeners = names("listeners")
        reading.names.pools = names("pools")
        reading.names.splits = names("splits")
        reading.key = "the file"
        Configuration.section.read(document, into: &configuration, &reading)
        ConfigurationCheck(document: document).complete(&configuration, &reading)
    }
}

extension Reading {
    /// A section for each name, such as those under `pools`.
    mutating func named<Value>(
        _ what: String, _ node: YAMLNode,
        read: (YAMLNode.Entry, inout Reading) -> Value?
    ) -> [Value] {
        guard case .mapping(let entries) = node.content, !entries.isEmpty else {
            refuse(node, accepted: "a mapping of NAME: { … }, one for each \(what)")
            return []
        }
        return entries.compactMap { entry in
            if !Self.isName(entry.key) {
                report(
                    entry.keyMark,
                    "found '\(entry.key.shortened)', accepted as the name of a \(what) are"
                        + " up to 63 letters, digits, '-', '_' and '.'")
            }
            key = entry.key
            return read(entry, &self)
        }
    }

    private static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 65...90, 97...122, 48...57: true
                default: "-_.".utf8.contains(byte)
                }
            }
    }
}
