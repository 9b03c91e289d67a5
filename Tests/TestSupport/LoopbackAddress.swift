import Glibc
import Synchronization
public import Transport

/// Addresses of the loopback network, each handed out once: tests that run side by side, also in
/// other processes, never meet on a port, and a stopped server can come back on its own address.
public enum LoopbackAddress {
    private static let handedOut = Atomic<UInt32>(0)

    /// `127.128.0.0/9`: 11 bits from the process, 12 bits counted up.
    public static func unique(port: UInt16 = 8080) -> SocketAddress {
        let count = handedOut.wrappingAdd(1, ordering: .relaxed).oldValue
        precondition(count < 4096, "a test process has used all its loopback addresses")
        let process = UInt32(truncatingIfNeeded: getpid()) & 0x7ff
        return SocketAddress(ipv4: 0x7f80_0000 | process << 12 | count, port: port)
    }
}
