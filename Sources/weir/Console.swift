internal import Glibc
internal import Transport

/// Standard output and standard error, written at once and without buffers, so that what a
/// container says is seen when it says it.
enum Console {
    private static let output = Descriptor(STDOUT_FILENO)
    private static let errors = Descriptor(STDERR_FILENO)

    /// Whether a person is looking, rather than a file or a pipe.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    static func line(_ text: String) { write(text + "\n", to: output) }

    static func error(_ text: String) { write(text + "\n", to: errors) }

    /// On a terminal, replaces the present line, which the next `line` ends. Elsewhere nothing.
    static func progress(_ text: String) {
        if isTerminal { write("\r\u{1b}[K" + text, to: output) }
    }

    /// Text as it is, without a line end.
    static func put(_ text: String) { write(text, to: output) }

    /// On a terminal, an empty screen to write on.
    static func clear() { write("\u{1b}[H\u{1b}[2J", to: output) }

    /// Writes all of it, and gives up when the other end is gone: there is nobody left to tell.
    private static func write(_ text: String, to descriptor: Descriptor) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            switch descriptor.write(rest.span) {
            case .bytes(let count): rest = rest.dropFirst(count)
            case .wouldBlock: descriptor.waitUntilWritable()
            case .endOfStream, .failed: return
            }
        }
    }
}
