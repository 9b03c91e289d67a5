internal import Glibc

/// A system call that failed: which one, and the errno it left.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call as an operator would name it, such as `bind 0.0.0.0:80`.
    public let operation: String
    /// The errno, positive.
    public let code: Int32

    public init(_ operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// Whether this machine or process ran out of something, which says nothing of the other side.
    public var isShortage: Bool { SystemError.isShortage(code) }

    /// The same for an errno: no memory, descriptors, ports or socket buffers left.
    public static func isShortage(_ code: Int32) -> Bool {
        [ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS].contains(code)
    }

    public var description: String { "\(operation): \(SystemError.text(of: code))" }

    /// The C library's words for an errno, such as `Connection refused`.
    public static func text(of code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

/// Turns the shim's convention (zero or more, or the negated errno) into a thrown error.
@discardableResult
func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) -> Int32 {
    if result < 0 { throw SystemError(operation(), code: -result) }
    return result
}
