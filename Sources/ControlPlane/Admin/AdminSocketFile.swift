internal import Glibc
internal import Transport

/// The file of the admin interface's Unix socket.
enum AdminSocketFile {
    /// Listens at `path`, readable and writable by owner and group. The folder is made if only it
    /// is missing. A socket that an ended process left behind is replaced; one that answers, and
    /// anything that is no socket, is not touched.
    static func listen(at path: String) throws(SystemError) -> Descriptor {
        makeFolder(of: path)
        if let mode = mode(of: path) {
            guard mode & S_IFMT == S_IFSOCK else {
                throw SystemError("listen \(path): there is a file that is no socket", code: EEXIST)
            }
            if isAnswering(path) {
                throw SystemError("listen \(path): another weir answers there", code: EADDRINUSE)
            }
        }
        return try Socket.listen(unixPath: path)
    }

    /// Takes the file away; call it when its listener is closed.
    static func remove(_ path: String) { _ = unsafe unlink(path) }

    /// If it fails, listening fails as well, and says why.
    private static func makeFolder(of path: String) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        _ = unsafe mkdir(String(path[..<slash]), 0o755)
    }

    private static func mode(of path: String) -> mode_t? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? facts.st_mode : nil
    }

    /// Whether a process listens at `path`, which lets us in.
    static func isAnswering(_ path: String) -> Bool {
        do throws(SystemError) {
            try Socket.connect(unixPath: path).close()
            return true
        } catch {
            // A full backlog is a living process as well.
            return error.code == EAGAIN
        }
    }
}
