internal import Balancing

/// Reads the pages that listeners show for errors.
public enum ErrorPageFiles {
    /// A worker writes head and page in one piece.
    static let bytesMaximum = 65_536

    /// What is wrong with the files, each at the place that names it: for those who only ask.
    public static func problems(of configuration: Configuration) -> [ConfigurationProblem] {
        read(configuration).problems
    }

    /// The pages of each listener that has some, by its name.
    ///
    /// - Throws: everything that is wrong with the files.
    static func pages(
        of configuration: Configuration
    ) throws(ControlError) -> [String: ErrorPages] {
        let (pages, problems) = read(configuration)
        guard problems.isEmpty else { throw ControlError(problems.map(\.description)) }
        return pages
    }

    private static func read(
        _ configuration: Configuration
    ) -> (pages: [String: ErrorPages], problems: [ConfigurationProblem]) {
        var pages: [String: ErrorPages] = [:]
        var problems: [ConfigurationProblem] = []
        for listener in configuration.listeners where !listener.errorPages.isEmpty {
            var found: [ErrorPages.Page] = []
            for page in listener.errorPages {
                do throws(ConfigurationFile.Failure) {
                    found.append(try read(page))
                } catch {
                    problems.append(
                        page.file.problem("error_pages: \(page.file.path) \(error.message)"))
                }
            }
            pages[listener.name] = ErrorPages(found)
        }
        return (pages, problems)
    }

    private static func read(
        _ page: ErrorPageFile
    ) throws(ConfigurationFile.Failure) -> ErrorPages.Page {
        let bytes = try ConfigurationFile.bytes(page.file.path)
        guard bytes.count <= bytesMaximum else {
            throw ConfigurationFile.Failure(
                message: "has \(bytes.count) bytes; accepted are at most \(bytesMaximum)")
        }
        return ErrorPages.Page(
            statuses: page.statuses, contentType: contentType(of: page.file.path), bytes: bytes)
    }

    private static func contentType(of path: String) -> StaticString {
        switch path.lowercased().split(separator: ".").last {
        case "html", "htm": "text/html; charset=utf-8"
        case "json": "application/json"
        default: "text/plain; charset=utf-8"
        }
    }
}
