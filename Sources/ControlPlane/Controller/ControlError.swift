/// Why the control plane refused to start, to reload or to change something. Nothing was changed.
public struct ControlError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Each names the place, the value found and what is accepted; one line each, at least one.
    public var problems: [String]

    /// - Parameter problems: at least one.
    public init(_ problems: [String]) { self.problems = problems }
    /// One problem.
    public init(_ problem: String) { problems = [problem] }

    public var description: String { problems.joined(separator: "\n") }
}
