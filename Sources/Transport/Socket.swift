internal import CLinux
internal import Glibc

/// Making sockets. All are non-blocking and closed on exec.
public enum Socket {
    /// How a listener shares its address with other sockets of this process.
    public enum Sharing: Sendable {
        case exclusive
        /// One socket per worker on the same address; the kernel spreads the connections.
        case perWorker
    }

    /// A listening TCP socket.
    ///
    /// - Throws: with the address in the operation, for instance
    ///   `bind 0.0.0.0:80: Permission denied`.
    public static func listen(
        on address: SocketAddress, sharing: Sharing, backlog: Int32 = 4096
    ) throws(SystemError) -> Descriptor {
        let descriptor = try make(address.family, stream: true)
        do throws(SystemError) {
            try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")
            if sharing == .perWorker {
                try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT")
            }
            try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1, "TCP_NODELAY")
            let bound = unsafe address.withKernelForm {
                unsafe weir_bind(descriptor.number, $0, $1)
            }
            try check(bound, "bind \(address)")
            try check(weir_listen(descriptor.number, backlog), "listen \(address)")
        } catch {
            descriptor.close()
            throw error
        }
        return descriptor
    }

    /// A listening Unix socket at `path`, readable and writable by its owner and group only.
    /// A left-over socket of an earlier process at that path is replaced.
    public static func listen(unixPath path: String) throws(SystemError) -> Descriptor {
        let descriptor = try make(AF_UNIX, stream: true)
        removeSocket(path)
        let mask = umask(0o117)
        defer { umask(mask) }
        do throws(SystemError) {
            let bound = try unsafe withUnixForm(path) {
                unsafe weir_bind(descriptor.number, $0, $1)
            }
            try check(bound, "bind \(path)")
            try check(weir_listen(descriptor.number, 64), "listen \(path)")
        } catch {
            descriptor.close()
            throw error
        }
        return descriptor
    }

    /// Accepts one connection; nil when none waits. TCP_NODELAY is inherited from the listener.
    ///
    /// - Throws: `EMFILE` and `ENFILE` among others: the caller pauses accepting.
    public static func accept(
        from listener: Descriptor
    ) throws(SystemError) -> (Descriptor, SocketAddress?)? {
        var storage = sockaddr_storage()
        while true {
            let result = unsafe weir_accept(listener.number, &storage)
            if result >= 0 { return (Descriptor(result), SocketAddress(kernelForm: storage)) }
            switch -result {
            case EAGAIN: return nil
            // One that is gone already; others may wait behind it.
            case ECONNABORTED, EPROTO, EINTR: continue
            default: throw SystemError("accept", code: -result)
            }
        }
    }

    /// Begins a TCP connect. The poller reports `writable` when it has ended; `pendingError` tells
    /// how.
    ///
    /// - Throws: what the kernel knows at once, such as `ENETUNREACH`, or refusal on loopback.
    public static func connect(to address: SocketAddress) throws(SystemError) -> Descriptor {
        let descriptor = try make(address.family, stream: true)
        _ = weir_set_option(descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = unsafe address.withKernelForm {
            unsafe weir_connect(descriptor.number, $0, $1)
        }
        if result < 0, -result != EINPROGRESS {
            descriptor.close()
            throw SystemError("connect \(address)", code: -result)
        }
        return descriptor
    }

    /// Connects to a Unix socket.
    public static func connect(unixPath path: String) throws(SystemError) -> Descriptor {
        let descriptor = try make(AF_UNIX, stream: true)
        do throws(SystemError) {
            let result = try unsafe withUnixForm(path) {
                unsafe weir_connect(descriptor.number, $0, $1)
            }
            try check(result, "connect \(path)")
        } catch {
            descriptor.close()
            throw error
        }
        return descriptor
    }

    /// A UDP socket bound to `address`; for servers (the embedded DNS of the demo and of tests).
    public static func datagram(on address: SocketAddress) throws(SystemError) -> Descriptor {
        let descriptor = try make(address.family, stream: false)
        let bound = unsafe address.withKernelForm { unsafe weir_bind(descriptor.number, $0, $1) }
        if bound < 0 {
            descriptor.close()
            throw SystemError("bind udp \(address)", code: -bound)
        }
        return descriptor
    }

    /// The most milliseconds that sent bytes may stay unacknowledged before the kernel gives up.
    public static func setUserTimeout(_ descriptor: Descriptor, milliseconds: Int32) {
        _ = weir_set_option(descriptor.number, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
    }

    /// TCP keep-alive: first probe after `idleSeconds`, then every 10 s, three lost ones end it.
    public static func setKeepAlive(_ descriptor: Descriptor, idleSeconds: Int32) {
        _ = weir_set_option(descriptor.number, SOL_SOCKET, SO_KEEPALIVE, 1)
        _ = weir_set_option(descriptor.number, Int32(IPPROTO_TCP), TCP_KEEPIDLE, idleSeconds)
        _ = weir_set_option(descriptor.number, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
        _ = weir_set_option(descriptor.number, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    }

    /// The address a socket is bound to: tells the port when zero was asked for.
    public static func localAddress(of descriptor: Descriptor) -> SocketAddress? {
        var storage = sockaddr_storage()
        guard unsafe weir_local_address(descriptor.number, &storage) >= 0 else { return nil }
        return SocketAddress(kernelForm: storage)
    }

    /// Only a socket: what else is at the path is not ours, and `bind` will say that it is in use.
    private static func removeSocket(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        unsafe unlink(path)
    }

    private static func make(_ family: Int32, stream: Bool) throws(SystemError) -> Descriptor {
        let type = Int32((stream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        return Descriptor(try check(weir_socket(family, type), "socket"))
    }

    private static func set(
        _ descriptor: Descriptor, _ level: Int32, _ option: Int32, _ value: Int32, _ name: String
    ) throws(SystemError) {
        try check(weir_set_option(descriptor.number, level, option, value), "setsockopt \(name)")
    }

    private static func withUnixForm(
        _ path: String, _ body: (UnsafePointer<sockaddr_storage>, socklen_t) -> Int32
    ) throws(SystemError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < 108 else {
            throw SystemError("unix socket path \(path)", code: ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.storeBytes(of: address, as: sockaddr_un.self)
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
        return unsafe withUnsafePointer(to: storage) { unsafe body($0, length) }
    }
}

/// Datagrams, for the DNS servers of the demo and of tests.
extension Descriptor {
    /// Receives one datagram into `buffer`; nil when none waits.
    public func receiveDatagram(into buffer: inout Buffer) -> SocketAddress? {
        var storage = sockaddr_storage()
        let count = unsafe weir_recv_from(number, buffer.freeStart, buffer.room, &storage)
        guard count >= 0 else { return nil }
        buffer.commit(count)
        return SocketAddress(kernelForm: storage)
    }

    /// Sends one datagram. Loss is the reader's business, as everywhere with UDP.
    public func sendDatagram(_ bytes: Span<UInt8>, to address: SocketAddress) {
        _ = unsafe bytes.withUnsafeBufferPointer { pointer in
            unsafe address.withKernelForm {
                unsafe weir_send_to(number, pointer.baseAddress, pointer.count, $0, $1)
            }
        }
    }
}
