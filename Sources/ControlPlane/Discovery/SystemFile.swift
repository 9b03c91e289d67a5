internal import Glibc

/// Small files that the system keeps up to date, such as `/etc/resolv.conf`.
enum SystemFile {
    private static let bytesMaximum = 1_048_576

    /// The text of the file, at most its first megabyte; nil if it cannot be read.
    static func text(of path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < bytesMaximum {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The lines of `text` without comments, each split at white space; empty lines are left out.
    static func words(of text: String) -> [[Substring]] {
        text.split(separator: "\n", omittingEmptySubsequences: true).compactMap { line in
            let end = line.firstIndex { $0 == "#" || $0 == ";" } ?? line.endIndex
            let words = line[..<end].split { $0 == " " || $0 == "\t" || $0 == "\r" }
            return words.isEmpty ? nil : words
        }
    }
}
