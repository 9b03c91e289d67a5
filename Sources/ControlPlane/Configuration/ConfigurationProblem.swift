/// Something wrong in a configuration, at the place where the operator can mend it.
public struct ConfigurationProblem: Equatable, Sendable, CustomStringConvertible {
    /// The file, or the command-line flag.
    public var file: String
    /// Counted from 1; 0 for a command-line flag, which has no lines.
    public var line: Int
    /// Counted in characters from 1; 0 for a command-line flag.
    public var column: Int
    /// The value found, what is accepted, and a suggestion where there is one.
    public var message: String

    /// A problem at a place of a file.
    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// A problem with the value of a command-line flag, such as `--listen`.
    public init(flag: String, message: String) {
        self.init(file: flag, line: 0, column: 0, message: message)
    }

    /// `FILE:LINE:COLUMN: message`, or `--flag: message`.
    public var description: String {
        line == 0 ? "\(file): \(message)" : "\(file):\(line):\(column): \(message)"
    }
}
