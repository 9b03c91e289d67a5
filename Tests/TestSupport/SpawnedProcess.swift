import Glibc

/// A program that a test started, with its output in files.
public final class SpawnedProcess: Sendable {
    public let pid: Int32
    private let ending = Guarded<Int32?>(nil)

    /// - Parameters:
    ///   - output: the file that takes standard output; `error` takes standard error.
    ///   - environment: `NAME=value`, beside those of the tests.
    ///   - sockets: it gets them as descriptor 3 and on.
    public init(
        _ program: String, _ arguments: [String], output: String, error: String,
        environment: [String] = [], sockets: [Int32] = []
    ) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, error, flags, 0o600)

        // Above all those that they become, so that none is in another's way.
        for (index, socket) in sockets.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, socket, 1_000 + Int32(index))
        }
        for index in sockets.indices {
            unsafe posix_spawn_file_actions_adddup2(
                &actions, 1_000 + Int32(index), 3 + Int32(index))
            unsafe posix_spawn_file_actions_addclose(&actions, 1_000 + Int32(index))
        }

        // Other tests of this process may block or ignore signals; the program starts afresh.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        let which = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        unsafe posix_spawnattr_setflags(&attributes, which)

        var words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var variables = unsafe (SpawnedProcess.environment + environment).map { unsafe strdup($0) }
        unsafe variables.append(nil)
        defer { unsafe variables.forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let result = unsafe posix_spawn(&pid, program, &actions, &attributes, &words, &variables)
        guard result == 0 else { throw NotInTime("cannot start \(program): errno \(result)") }
        self.pid = pid
    }

    private static var environment: [String] {
        var variables: [String] = []
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            variables.append(unsafe String(cString: text))
            unsafe entry += 1
        }
        return variables
    }

    deinit { kill() }

    public func signal(_ number: Int32) { Glibc.kill(pid, number) }

    /// Ends it at once and takes its remains.
    public func kill() {
        guard !hasEnded else { return }
        signal(SIGKILL)
        ending.withLock { if $0 == nil { $0 = SIGKILL; waitpid(pid, nil, 0) } }
    }

    public var hasEnded: Bool { endStatus != nil }

    /// What `waitpid` said; nil while it runs.
    private var endStatus: Int32? {
        ending.withLock { ending in
            if ending == nil {
                var status: Int32 = 0
                if unsafe waitpid(pid, &status, WNOHANG) == pid { ending = status }
            }
            return ending
        }
    }

    /// Waits for its end.
    ///
    /// - Returns: the exit code, or 128 and the number of the signal that ended it.
    public func exitCode(within seconds: Double = 10) throws -> Int32 {
        try eventually(within: seconds, "process \(pid) has ended") { hasEnded }
        let status = endStatus ?? 0
        return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }

    /// The peak of its resident memory in bytes (`VmHWM`).
    public var peakMemory: Int { get throws { try memory("VmHWM:") } }

    private func memory(_ field: String) throws -> Int {
        for line in try TextFile.read("/proc/\(pid)/status").split(separator: "\n")
        where line.hasPrefix(field) {
            let words = line.split { $0 == " " || $0 == "\t" }
            return (Int(words[1]) ?? 0) * 1024
        }
        throw NotInTime("no \(field) in /proc/\(pid)/status")
    }
}
