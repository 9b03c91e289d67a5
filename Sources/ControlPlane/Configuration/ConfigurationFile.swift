internal import Glibc
internal import Transport

/// The bytes of a file, within bounds.
enum ConfigurationFile {
    static let bytesMaximum = 1 << 20
    private static let pieceBytes = 1 << 14

    struct Failure: Error {
        var message: String
    }

    static func bytes(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        while bytes.count <= bytesMaximum {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            bytes += piece[..<count]
        }
        throw Failure(message: "larger than 1 MiB, the most that a configuration may have")
    }

    private static func failure() -> Failure {
        Failure(message: "cannot be read: \(SystemError.text(of: errno))")
    }
}
