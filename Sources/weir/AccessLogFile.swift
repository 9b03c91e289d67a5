internal import ControlPlane
internal import Glibc
internal import Transport

/// Where the access log goes: standard output or a file, which can be opened anew.
struct AccessLogFile {
    let descriptor: Descriptor
    /// Nil for standard output.
    private let path: String?

    /// Nil if the access log is off.
    ///
    /// - Throws: if the file can be neither opened nor made.
    init?(_ access: LogConfiguration.Access) throws(SystemError) {
        switch access {
        case .off: return nil
        case .stdout:
            descriptor = Descriptor(STDOUT_FILENO)
            path = nil
        case .file(let path):
            descriptor = try AccessLogFile.open(path)
            self.path = path
        }
    }

    /// Goes on in a new file of the same name, after somebody has renamed the old one. The number
    /// of the descriptor stays, so that no writer has to be told.
    func reopen() throws(SystemError) {
        guard let path else { return }
        let fresh = try AccessLogFile.open(path)
        defer { fresh.close() }
        guard dup3(fresh.number, descriptor.number, O_CLOEXEC) >= 0 else {
            throw SystemError("reopen \(path)", code: errno)
        }
    }

    private static func open(_ path: String) throws(SystemError) -> Descriptor {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
        let number = unsafe Glibc.open(path, flags, 0o640)
        guard number >= 0 else { throw SystemError("access log \(path)", code: errno) }
        return Descriptor(number)
    }
}
