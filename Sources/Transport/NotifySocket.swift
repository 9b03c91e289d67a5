internal import CLinux
internal import Glibc

/// Where a service manager listens for what a service says of itself (sd_notify(3)).
public struct NotifySocket: Sendable {
    private let path: String

    /// - Parameter path: of `NOTIFY_SOCKET`: a path from the root, or `@` and an abstract name; nil
    ///   for anything else.
    public init?(_ path: String) {
        guard path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count > 1,
            path.utf8.count < 108
        else { return nil }
        self.path = path
    }

    /// Sends one datagram of lines `NAME=value`. What cannot be delivered is lost: nobody is there.
    public func send(_ text: String) {
        let socket = weir_socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue))
        guard socket >= 0 else { return }
        defer { Descriptor(socket).close() }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.storeBytes(of: address, as: sockaddr_un.self)
        }
        let length = MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1)
        let words = Array(text.utf8)
        _ = unsafe weir_send_to(socket, words, words.count, &storage, socklen_t(length))
    }
}
