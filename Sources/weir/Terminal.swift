internal import Glibc
internal import Transport

/// The terminal as a screen of its own: keys come one by one, and what was there before comes back.
final class Terminal {
    private var before = termios()
    private let input = Descriptor(STDIN_FILENO)

    /// What a person pressed.
    enum Key: Equatable { case quit, up, down, pageUp, pageDown, pause, sort, other }

    /// nil if standard input or output is none.
    init?() {
        guard Console.isTerminal, unsafe tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var raw = before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        // The other screen, without a cursor.
        Console.put("\u{1b}[?1049h\u{1b}[?25l")
    }

    /// Gives the terminal back as it was.
    func leave() {
        Console.put("\u{1b}[?25h\u{1b}[?1049l")
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
    }

    /// In characters; a usual size where the terminal does not tell.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return (120, 40)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Replaces what is shown, without flicker.
    func show(_ lines: [String]) {
        Console.put(
            "\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    /// The next key; nil if none came within the time.
    func key(withinMilliseconds milliseconds: Int32) -> Key? {
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&waiting, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe read(STDIN_FILENO, $0.baseAddress, $0.count)
        }
        guard count > 0 else { return .quit }
        switch String(decoding: bytes[..<count], as: UTF8.self) {
        case "q", "Q", "\u{3}", "\u{4}": return .quit
        case "\u{1b}[A", "k": return .up
        case "\u{1b}[B", "j": return .down
        case "\u{1b}[5~": return .pageUp
        case "\u{1b}[6~", " ": return .pageDown
        case "p": return .pause
        case "s": return .sort
        default: return .other
        }
    }
}
