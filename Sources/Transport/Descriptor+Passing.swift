internal import CLinux
internal import Glibc

/// Descriptors that this process began with, or that another one will.
extension Descriptor {
    /// Whether there is a descriptor of that number at all.
    public var exists: Bool { weir_is_open(number) == 1 }

    /// Programs that are started from now on do not get it.
    public func closeOnExec() { _ = weir_close_on_exec(number) }

    /// Whether it is a listening socket, and then of which kind.
    public enum Listening: Equatable, Sendable { case network, unix, no }

    /// What a descriptor from outside is.
    public var listening: Listening {
        switch weir_listening_family(number) {
        case AF_INET, AF_INET6: .network
        case AF_UNIX: .unix
        default: .no
        }
    }

    /// Makes a socket from outside like weir's own: it does not block, what it accepts sends small
    /// pieces at once, and it is not passed on.
    public func adopt() {
        closeOnExec()
        _ = weir_unblock(number)
        if listening == .network {
            _ = weir_set_option(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
    }

    /// Whether others may listen on the same address, one socket for each worker.
    public var isPerWorker: Bool { weir_option(number, SOL_SOCKET, SO_REUSEPORT) == 1 }

    /// Another descriptor of the same socket.
    public func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(try check(weir_duplicate(number), "duplicate a socket"))
    }
}
