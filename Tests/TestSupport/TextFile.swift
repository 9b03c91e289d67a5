import Glibc

/// Small files, whole.
public enum TextFile {
    public static func read(_ path: String) throws -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw NotInTime("cannot read \(path): errno \(errno)") }
        defer { close(file) }
        var bytes: [UInt8] = []
        while true {
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) {
                let got = unsafe Glibc.read(file, $0.baseAddress, $0.count)
                if got > 0 { unsafe bytes.append(contentsOf: $0[0..<got]) }
                return got
            }
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
        }
    }

    public static func write(_ text: String, to path: String) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw NotInTime("cannot write \(path): errno \(errno)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        let written = unsafe Glibc.write(file, bytes, bytes.count)
        guard written == bytes.count else { throw NotInTime("\(path): errno \(errno)") }
    }
}

/// A folder that a test may fill; `remove` takes it away with the files in it.
public struct TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        var template = Array("/tmp/weir-test.XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw NotInTime("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    public func remove() {
        guard let folder = unsafe opendir(path) else { return }
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { unsafe unlink("\(path)/\(name)") }
        }
        unsafe closedir(folder)
        unsafe rmdir(path)
    }
}
