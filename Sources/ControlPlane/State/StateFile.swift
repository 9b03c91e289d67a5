internal import Glibc
internal import Transport

/// The file that outlives the program. Whoever reads it finds the old content or the new one,
/// whole, whenever the machine stopped. It holds a secret, so only its owner may read it.
struct StateFile {
    /// A larger one was not written by weir.
    static let bytesMaximum = 64 << 20

    let path: String

    /// - Parameter path: a symbolic link stays one, and the file that it leads to is meant.
    init(path: String) { self.path = StateFile.followed(path) }

    /// The bytes; nil if there is no such file.
    ///
    /// - Throws: if it exists and cannot be read.
    func read() throws(SystemError) -> [UInt8]? {
        // Without O_NONBLOCK a named pipe would hold up the start for ever.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return nil }
            throw SystemError("read \(path)", code: errno)
        }
        defer { close(descriptor) }
        try checkKind()
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("read \(path)", code: errno) }
            bytes += piece[..<count]
            guard bytes.count <= StateFile.bytesMaximum else {
                throw SystemError("read \(path)", code: EFBIG)
            }
        }
    }

    /// Puts `bytes` in the place of what is there, and on the disk, before it returns.
    ///
    /// - Throws: if that is not possible; the old content is still there then.
    func write(_ bytes: [UInt8]) throws(SystemError) {
        try checkKind()
        let temporary = path + ".new"
        _ = unsafe unlink(temporary)
        let descriptor = unsafe open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(0o600))
        guard descriptor >= 0 else { throw SystemError("write \(temporary)", code: errno) }
        do throws(SystemError) {
            defer { close(descriptor) }
            try writeAll(bytes, to: Descriptor(descriptor), temporary)
            guard fsync(descriptor) == 0 else {
                throw SystemError("write \(temporary)", code: errno)
            }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        guard unsafe rename(temporary, path) == 0 else {
            let code = errno
            _ = unsafe unlink(temporary)
            throw SystemError("rename \(temporary) to \(path)", code: code)
        }
        syncFolder()
    }

    /// Puts the file aside as `….broken`, in the place of an earlier one.
    func setAside() throws(SystemError) {
        try checkKind()
        guard unsafe rename(path, brokenPath) == 0 else {
            throw SystemError("rename \(path) to \(brokenPath)", code: errno)
        }
        syncFolder()
    }

    var brokenPath: String { path + ".broken" }

    /// Nothing but a file is read or replaced: as root it could be `/dev/null`.
    private func checkKind() throws(SystemError) {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG else { return }
        throw SystemError("\(path), which is no regular file", code: EINVAL)
    }

    /// Where `path` leads, also if nothing is there yet.
    private static func followed(_ path: String) -> String {
        var path = path
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        for _ in 0..<8 {
            let count = unsafe target.withUnsafeMutableBufferPointer { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                    unsafe characters.baseAddress.map {
                        unsafe readlink(path, $0, characters.count)
                    } ?? -1
                }
            }
            guard count > 0 else { break }
            let next = String(decoding: target[..<count], as: UTF8.self)
            let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
            path = next.hasPrefix("/") ? next : folder + next
        }
        return path
    }

    private func writeAll(
        _ bytes: [UInt8], to descriptor: Descriptor, _ name: String
    ) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            switch descriptor.write(bytes.span.extracting(written..<bytes.count)) {
            case .bytes(let count): written += count
            case .wouldBlock: descriptor.waitUntilWritable()
            case .endOfStream: throw SystemError("write \(name)", code: EIO)
            case .failed(let code): throw SystemError("write \(name)", code: code)
            }
        }
    }

    /// Without this the new name may be lost with the power. A file system that cannot do it has
    /// renamed all the same.
    private func syncFolder() {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
