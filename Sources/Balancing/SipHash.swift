/// SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits of any bytes under a key of 128 bits, which
/// nobody without the key can foretell. What weir signs its cookies with.
public enum SipHash {
    /// The hash of `bytes`. Allocates nothing.
    public static func hash(_ bytes: Span<UInt8>, key: SigningKey) -> UInt64 {
        var state = SipState(key)
        let whole = bytes.count & ~7
        var index = 0
        while index < whole {
            state.take(word(bytes, at: index, count: 8))
            index &+= 8
        }
        return state.finish(
            word(bytes, at: whole, count: bytes.count &- whole), byteCount: bytes.count)
    }

    /// The hash of the 16 bytes of two words, each the first byte lowest.
    public static func hash(_ first: UInt64, _ second: UInt64, key: SigningKey) -> UInt64 {
        var state = SipState(key)
        state.take(first)
        state.take(second)
        return state.finish(0, byteCount: 16)
    }

    /// Bytes as a word, the first one lowest.
    private static func word(_ bytes: Span<UInt8>, at start: Int, count: Int) -> UInt64 {
        var word: UInt64 = 0
        var index = start &+ count
        while index > start {
            index &-= 1
            word = word << 8 | UInt64(bytes[index])
        }
        return word
    }
}

extension SigningKey {
    /// No secret: for hashes that only spread, and that several weirs shall agree in.
    public static let none = SigningKey(high: 0, low: 0)
}

/// The four words that bytes are mixed into.
private struct SipState {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    /// The first eight bytes of the key are `low`, each word's first byte its lowest.
    init(_ key: SigningKey) {
        a = key.low ^ 0x736f_6d65_7073_6575
        b = key.high ^ 0x646f_7261_6e64_6f6d
        c = key.low ^ 0x6c79_6765_6e65_7261
        d = key.high ^ 0x7465_6462_7974_6573
    }

    mutating func take(_ word: UInt64) {
        d ^= word
        mix()
        mix()
        a ^= word
    }

    /// - Parameter rest: the bytes that fill no word, fewer than eight.
    mutating func finish(_ rest: UInt64, byteCount: Int) -> UInt64 {
        take(rest | UInt64(truncatingIfNeeded: byteCount) << 56)
        c ^= 0xff
        for _ in 0..<4 { mix() }
        return a ^ b ^ c ^ d
    }

    private mutating func mix() {
        a &+= b
        c &+= d
        b = SipState.turned(b, by: 13) ^ a
        d = SipState.turned(d, by: 16) ^ c
        a = SipState.turned(a, by: 32)
        c &+= b
        a &+= d
        b = SipState.turned(b, by: 17) ^ c
        d = SipState.turned(d, by: 21) ^ a
        c = SipState.turned(c, by: 32)
    }

    private static func turned(_ word: UInt64, by bits: UInt64) -> UInt64 {
        word << bits | word >> (64 &- bits)
    }
}
