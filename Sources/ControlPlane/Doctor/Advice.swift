/// Something that will go wrong, or may, and what to change.
public struct Advice: Equatable, Sendable, CustomStringConvertible {
    /// How bad it is.
    public enum Gravity: String, Sendable {
        /// It does not work that way.
        case wrong
        /// It works, until the moment that the text names.
        case risky
    }

    public var gravity: Gravity
    /// A place in a file, or a setting of the machine.
    public var place: String
    /// What is found, and what it leads to.
    public var problem: String
    /// What to change.
    public var remedy: String

    /// `compose.yaml:4:5: risky: service app: …; write …`
    public var description: String { "\(place): \(gravity.rawValue): \(problem); \(remedy)" }
}
