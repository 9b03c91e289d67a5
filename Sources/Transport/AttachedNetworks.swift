internal import CLinux

/// A range of addresses, such as `172.18.0.0/16`.
public struct Subnet: Hashable, Sendable {
    public let base: SocketAddress
    /// The bits of the 16-byte form that count, in host order.
    public let maskHigh: UInt64
    public let maskLow: UInt64

    /// - Parameter bits: of the 128-bit form: an IPv4 prefix length plus 96.
    init(base: SocketAddress, mappedBits bits: Int) {
        maskHigh = bits >= 64 ? .max : bits == 0 ? 0 : ~(.max >> UInt64(bits))
        maskLow = bits <= 64 ? 0 : bits >= 128 ? .max : ~(.max >> UInt64(bits - 64))
        self.base = SocketAddress(high: base.high & maskHigh, low: base.low & maskLow, port: 0)
    }

    /// Parses `10.0.0.0/8`, `fd00::/8`, or a single address.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = SocketAddress(numeric: String(parts[0]), port: 0) else { return nil }
        let width = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            self.init(base: address, mappedBits: 128)
            return
        }
        let isNumber = parts[1].utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
        guard isNumber, let bits = Int(parts[1]), bits <= width else { return nil }
        self.init(base: address, mappedBits: address.isIPv4 ? bits + 96 : bits)
    }

    /// Whether the address lies within, whatever its port.
    public func contains(_ address: SocketAddress) -> Bool {
        address.high & maskHigh == base.high && address.low & maskLow == base.low
    }

    /// The networks that this host's interfaces are directly attached to, loopback included.
    public static func attached() throws(SystemError) -> [Subnet] {
        var found: [Subnet] = []
        let result = unsafe withUnsafeMutablePointer(to: &found) { list in
            unsafe weir_attached_networks(
                { context, address, mask in
                    guard let context = unsafe context?.assumingMemoryBound(to: [Subnet].self),
                        let address = unsafe address, let mask = unsafe mask
                    else { return }
                    func word(_ bytes: UnsafePointer<UInt8>, _ offset: Int) -> UInt64 {
                        unsafe UInt64(
                            bigEndian: UnsafeRawPointer(bytes).loadUnaligned(
                                fromByteOffset: offset, as: UInt64.self))
                    }
                    let bits = unsafe word(mask, 0).nonzeroBitCount + word(mask, 8).nonzeroBitCount
                    let base = unsafe SocketAddress(
                        high: word(address, 0), low: word(address, 8), port: 0)
                    unsafe context.pointee.append(Subnet(base: base, mappedBits: bits))
                }, list)
        }
        try check(result, "getifaddrs")
        return found
    }
}
