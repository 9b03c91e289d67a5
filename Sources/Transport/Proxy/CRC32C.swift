/// The checksum of PROXY headers: Castagnoli's polynomial, reflected (RFC 4960 appendix B).
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { rest, _ in
            rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0x82f6_3b78
        }
    }

    /// Of `bytes`, as if those in `hole` were zero.
    static func of(_ bytes: Span<UInt8>, zeroing hole: Range<Int> = 0..<0) -> UInt32 {
        var rest = UInt32.max
        for index in bytes.indices {
            let byte = hole.contains(index) ? 0 : bytes[index]
            rest = rest >> 8 ^ table[Int((rest ^ UInt32(byte)) & 255)]
        }
        return ~rest
    }
}
