import Balancing
import Testing

@Suite("Signing and hashing")
struct SipHashTests {
    /// The key 00 01 … 0f of the reference implementation.
    private let key = SigningKey(high: 0x0f0e_0d0c_0b0a_0908, low: 0x0706_0504_0302_0100)

    @Test(
        "The bytes 0, 1, 2, … give the hashes of the reference implementation",
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462), (9, 0x9e00_82df_0ba9_e4b0), (15, 0xa129_ca61_49be_45e5),
            (16, 0x3f2a_cc7f_57c2_9bdb), (63, 0x958a_324c_eb06_4572),
        ] as [(Int, UInt64)])
    func vectors(count: Int, expected: UInt64) {
        let bytes = (0..<count).map(UInt8.init)
        #expect(SipHash.hash(bytes.span, key: key) == expected)
    }

    @Test("Two words give the hash of their sixteen bytes")
    func words() {
        let low = UInt64(0x0706_0504_0302_0100)
        let high = UInt64(0x0f0e_0d0c_0b0a_0908)
        #expect(SipHash.hash(low, high, key: key) == 0x3f2a_cc7f_57c2_9bdb)
    }

    @Test("Another key gives other hashes")
    func otherKey() {
        let bytes = Array("slot".utf8)
        let other = SigningKey(high: key.high, low: key.low ^ 1)
        #expect(SipHash.hash(bytes.span, key: key) != SipHash.hash(bytes.span, key: other))
    }
}
