internal import CLinux
internal import Glibc

/// A program that this process started.
public struct ChildProcess: Sendable {
    /// Its number, as `ps` shows it.
    public let number: Int32

    /// How it ended.
    public enum Ending: Equatable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// Starts the program at `path`, with the signals of a fresh process.
    ///
    /// - Parameters:
    ///   - arguments: the first is what the program is called.
    ///   - environment: `NAME=value` each.
    ///   - kept: what it gets beside standard input and output, under the same numbers.
    /// - Throws: if there is no such file, or it cannot be executed.
    public init(
        _ path: String, arguments: [String], environment: [String], keeping kept: [Descriptor]
    ) throws(SystemError) {
        let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            unsafe words.forEach { unsafe free($0) }
            unsafe variables.forEach { unsafe free($0) }
        }
        let result = unsafe weir_spawn(
            path, words, variables, kept.map(\.number), Int32(kept.count))
        number = try check(result, "start \(path)")
    }

    /// How it has ended; nil while it runs. Once told, the kernel forgets the process.
    public func reap() -> Ending? {
        let result = weir_reap(number)
        guard result != 0 else { return nil }
        // Somebody else has taken the status, which nobody here does.
        guard result > 0 else { return .exited(-1) }
        let status = result - 1
        return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: status & 0x7f)
    }

    /// Ends it at once, whatever it does.
    public func kill() { _ = weir_kill(number, SIGKILL) }
}

extension ChildProcess.Ending: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let code): "exited with \(code)"
        case .killed(let signal): "was ended by signal \(signal)"
        }
    }
}

/// This process as others see it.
public enum ThisProcess {
    /// Its number.
    public static var number: Int32 { weir_process_number() }
    /// That of the process which started it, or took it on.
    public static var parentNumber: Int32 { weir_parent_number() }

    /// The file that this process was started from, with symbolic links followed; nil where there
    /// is no /proc. Ask at the start: once the file is replaced the kernel tells no name of use.
    public static func executable() -> String? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe weir_executable(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0, count < bytes.count else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The same file by the name that it was called by, if that is a path from the root: a symbolic
    /// link may lead to another file by the next start.
    public static func executable(calledAs name: String?) -> String? {
        guard let file = executable() else { return nil }
        guard let name, name.hasPrefix("/") else { return file }
        guard let resolved = unsafe realpath(name, nil) else { return file }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved) == file ? name : file
    }

    /// What the kernel calls the process with that number; nil if there is none to be seen.
    public static func name(of process: Int32) -> String? {
        let descriptor = unsafe weir_open_read("/proc/\(process)/comm")
        guard descriptor >= 0 else { return nil }
        defer { Descriptor(descriptor).close() }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe weir_read(descriptor, $0.baseAddress, $0.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count].filter { $0 != 10 }, as: UTF8.self)
    }
}
