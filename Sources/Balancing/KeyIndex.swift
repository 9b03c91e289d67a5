/// Finds byte strings by a hash that the caller has computed on its way over the bytes.
///
/// Open addressing, at most half full. The keys come from the configuration, so nobody outside can
/// make them collide; a request can only ever look.
struct KeyIndex: Sendable {
    /// Whether bytes are compared as they are, or with A-Z taken for a-z.
    enum Letters { case exact, folded }

    struct Key {
        /// Separates keys with the same bytes.
        var scope: Int32
        var bytes: [UInt8]
        var hash: UInt64
        var value: Int32
    }

    private struct Slot: BitwiseCopyable {
        var hash: UInt64 = 0
        var scope: Int32 = 0
        var start: Int32 = 0
        var count: Int32 = 0
        /// Negative: the slot is empty.
        var value: Int32 = -1
    }

    private var slots: [Slot]
    private var text: [UInt8] = []
    /// How many slots a look-up visits at most; what makes it independent of the number of keys.
    private(set) var longestSearch = 0

    init(_ keys: [Key]) {
        var capacity = 2
        while capacity < keys.count * 2 { capacity *= 2 }
        slots = Array(repeating: Slot(), count: capacity)
        for key in keys { insert(key) }
    }

    var isEmpty: Bool { text.isEmpty }

    private mutating func insert(_ key: Key) {
        var position = home(of: key.hash)
        var visited = 1
        while slots[position].value >= 0 {
            position = (position + 1) & (slots.count - 1)
            visited += 1
        }
        slots[position] = Slot(
            hash: key.hash, scope: key.scope, start: Int32(text.count),
            count: Int32(key.bytes.count), value: key.value)
        text.append(contentsOf: key.bytes)
        longestSearch = max(longestSearch, visited)
    }

    /// The value of the key, or -1.
    func find(_ bytes: Span<UInt8>, hash: UInt64, scope: Int32, letters: Letters) -> Int32 {
        var position = home(of: hash)
        while slots[position].value >= 0 {
            let slot = slots[position]
            if slot.hash == hash, slot.scope == scope, equals(slot, bytes, letters) {
                return slot.value
            }
            position = (position &+ 1) & (slots.count &- 1)
        }
        return -1
    }

    private func home(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (slots.count &- 1)
    }

    private func equals(_ slot: Slot, _ bytes: Span<UInt8>, _ letters: Letters) -> Bool {
        guard Int(slot.count) == bytes.count else { return false }
        let start = Int(slot.start)
        for index in bytes.indices {
            let byte = letters == .folded ? folded(bytes[index]) : bytes[index]
            if byte != text[start &+ index] { return false }
        }
        return true
    }
}

/// One step of FNV-1a.
@inline(__always)
func hashStep(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x100_0000_01b3
}

let hashStart: UInt64 = 0xcbf2_9ce4_8422_2325

/// The byte with A-Z taken for a-z.
@inline(__always)
func folded(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}
