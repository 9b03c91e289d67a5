internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address with a port, as one plain value.
///
/// IPv4 addresses are kept in their IPv6-mapped form (RFC 4291 §2.5.5.2), so that equality and
/// subnet arithmetic need one rule only.
public struct SocketAddress: Hashable, Sendable {
    /// The upper and the lower eight bytes of the 16-byte form, in host order.
    public let high: UInt64
    public let low: UInt64
    public let port: UInt16

    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// An IPv4 address from its four bytes, most significant first.
    public init(ipv4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(address), port: port)
    }

    public static let loopback = SocketAddress(ipv4: 0x7f00_0001, port: 0)

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The four bytes of an IPv4 address, most significant first; meaningless for IPv6.
    public var ipv4: UInt32 { UInt32(truncatingIfNeeded: low) }

    public var isLoopback: Bool {
        isIPv4 ? ipv4 >> 24 == 127 : high == 0 && low == 1
    }

    /// The same address with another port.
    public func withPort(_ port: UInt16) -> SocketAddress {
        SocketAddress(high: high, low: low, port: port)
    }

    /// Parses `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`, without a port; nil if it is a name.
    public init?(numeric text: String, port: UInt16) {
        var text = Substring(text)
        // The C library would stop reading there and take the rest for granted.
        guard !text.utf8.contains(0) else { return nil }
        if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
        var four = in_addr()
        if unsafe inet_pton(AF_INET, String(text), &four) == 1 {
            self.init(ipv4: UInt32(bigEndian: four.s_addr), port: port)
            return
        }
        var six = in6_addr()
        guard unsafe inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
        let words = unsafe withUnsafeBytes(of: &six) {
            unsafe (
                $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: port)
    }

    /// The address without its port, in its usual text form.
    public var host: String {
        if isIPv4 {
            return "\(ipv4 >> 24).\(ipv4 >> 16 & 255).\(ipv4 >> 8 & 255).\(ipv4 & 255)"
        }
        var words = (high.bigEndian, low.bigEndian)
        return unsafe withUnsafeBytes(of: &words) { address in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
                guard let base = text.baseAddress,
                    unsafe inet_ntop(AF_INET6, address.baseAddress, base, 64) != nil
                else { return "?" }
                return unsafe String(cString: base)
            }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    public var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}

extension SocketAddress {
    /// The address family for `socket`: `AF_INET` or `AF_INET6`.
    var family: Int32 { isIPv4 ? AF_INET : AF_INET6 }

    /// Calls `body` with the form that the kernel reads.
    func withKernelForm<Result>(
        _ body: (UnsafePointer<sockaddr_storage>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if isIPv4 {
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            four.sin_addr.s_addr = ipv4.bigEndian
            length = MemoryLayout<sockaddr_in>.size
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: four, as: sockaddr_in.self)
            }
        } else {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &six.sin6_addr) {
                unsafe $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                unsafe $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            length = MemoryLayout<sockaddr_in6>.size
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: six, as: sockaddr_in6.self)
            }
        }
        return unsafe withUnsafePointer(to: storage) { unsafe body($0, socklen_t(length)) }
    }

    /// Reads what the kernel wrote; nil for families other than IPv4 and IPv6.
    init?(kernelForm storage: borrowing sockaddr_storage) {
        var copy = copy storage
        switch Int32(copy.ss_family) {
        case AF_INET:
            let four = unsafe withUnsafeBytes(of: &copy) { unsafe $0.load(as: sockaddr_in.self) }
            self.init(
                ipv4: UInt32(bigEndian: four.sin_addr.s_addr),
                port: UInt16(bigEndian: four.sin_port))
        case AF_INET6:
            let words = unsafe withUnsafeBytes(of: &copy) {
                unsafe (
                    $0.load(fromByteOffset: 2, as: UInt16.self),
                    $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                )
            }
            self.init(
                high: UInt64(bigEndian: words.1), low: UInt64(bigEndian: words.2),
                port: UInt16(bigEndian: words.0))
        default: return nil
        }
    }
}
