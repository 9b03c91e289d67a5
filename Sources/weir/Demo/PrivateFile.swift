internal import Glibc
internal import Transport

/// A file that nobody but its owner may read.
enum PrivateFile {
    /// - Throws: if it cannot be written, or is there already.
    static func write(_ text: String, to path: String) throws(SystemError) {
        let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemError("open \(path)", code: errno) }
        let descriptor = Descriptor(number)
        defer { descriptor.close() }
        _ = descriptor.write(Array(text.utf8).span)
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }
}
