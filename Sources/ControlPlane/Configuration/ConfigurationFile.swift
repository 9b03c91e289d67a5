internal import Glibc
internal import Transport

/// The bytes of a file, within bounds.
enum ConfigurationFile {
    static let bytesMaximum = 1 << 20

    struct Failure: Error {
        var message: String
    }

    static func bytes(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMaximum + 1)
        var length = 0
        while length < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                return unsafe Glibc.read(descriptor, rest.baseAddress, rest.count)
            }
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            length += count
        }
        guard length <= bytesMaximum else {
            throw Failure(message: "larger than 1 MiB, the most that a configuration may have")
        }
        return Array(bytes[..<length])
    }

    private static func failure() -> Failure {
        Failure(message: "cannot be read: \(SystemError.text(of: errno))")
    }
}
