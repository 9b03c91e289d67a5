/// The answer to the key of a WebSocket handshake: the SHA-1 of the key and a constant, in base 64
/// (RFC 6455 §4.2.2).
struct WebSocketAccept: BitwiseCopyable {
    private var text = InlineArray<28, UInt8>(repeating: 0)

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span }
    }

    /// - Parameter key: as the client sent it; what is longer than any key is cut.
    init(key: Span<UInt8>) {
        var message = InlineArray<128, UInt8>(repeating: 0)
        var count = 0
        for index in 0..<min(key.count, 64) {
            message[count] = key[index]
            count += 1
        }
        for byte in "258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8 {
            message[count] = byte
            count += 1
        }
        let digest = SHA1.digest(message, count: count)
        Base64.encode(digest.span) { index, byte in text[index] = byte }
    }
}

/// A key for a handshake that weir begins: 16 random bytes in base 64 (RFC 6455 §4.1).
struct WebSocketKey: BitwiseCopyable {
    private var text = InlineArray<24, UInt8>(repeating: 0)

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span }
    }

    init(high: UInt64, low: UInt64) {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - index * 8))
            bytes[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - index * 8))
        }
        Base64.encode(bytes.span) { index, byte in text[index] = byte }
    }
}

enum Base64 {
    /// Gives the characters one by one, padding included (RFC 4648 §4).
    static func encode(_ bytes: Span<UInt8>, _ write: (Int, UInt8) -> Void) {
        var position = 0
        var index = 0
        while index < bytes.count {
            let present = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < present ? UInt32(bytes[index + offset]) : 0)
            }
            for offset in 0..<4 {
                let value = UInt8(truncatingIfNeeded: group >> UInt32(18 - offset * 6)) & 63
                write(position, offset <= present ? digit(value) : UInt8(ascii: "="))
                position += 1
            }
            index += 3
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}

/// SHA-1 of a short message (RFC 3174), for WebSocket handshakes, which nobody's safety rests on.
enum SHA1 {
    /// - Parameter count: at most 119, the bytes of `message` that count.
    static func digest(_ message: InlineArray<128, UInt8>, count: Int) -> InlineArray<20, UInt8> {
        precondition(count <= 119)
        var padded = message
        padded[count] = 0x80
        let blocks = count + 9 > 64 ? 2 : 1
        let bits = UInt32(count * 8)
        for offset in 0..<4 {
            padded[blocks * 64 - 1 - offset] = UInt8(truncatingIfNeeded: bits >> UInt32(offset * 8))
        }
        var state: InlineArray<5, UInt32> = [
            0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0,
        ]
        for block in 0..<blocks { mix(&state, padded, at: block * 64) }
        var digest = InlineArray<20, UInt8>(repeating: 0)
        for index in 0..<20 {
            digest[index] = UInt8(
                truncatingIfNeeded: state[index / 4] >> UInt32(24 - index % 4 * 8))
        }
        return digest
    }

    private static func mix(
        _ state: inout InlineArray<5, UInt32>, _ bytes: InlineArray<128, UInt8>, at start: Int
    ) {
        var words = InlineArray<80, UInt32>(repeating: 0)
        for index in 0..<64 {
            words[index / 4] = words[index / 4] << 8 | UInt32(bytes[start + index])
        }
        for index in 16..<80 {
            let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = word.rotated(by: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index / 20 {
                case 0: (b & c | ~b & d, 0x5a82_7999)
                case 1: (b ^ c ^ d, 0x6ed9_eba1)
                case 2: (b & c | b & d | c & d, 0x8f1b_bcdc)
                default: (b ^ c ^ d, 0xca62_c1d6)
                }
            let next = a.rotated(by: 5) &+ choice &+ e &+ constant &+ words[index]
            (e, d, c, b, a) = (d, c, b.rotated(by: 30), a, next)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
    }
}

extension UInt32 {
    fileprivate func rotated(by bits: UInt32) -> UInt32 { self << bits | self >> (32 - bits) }
}
