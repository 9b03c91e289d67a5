/// Follows the frames of one direction of a WebSocket, to know where one ends (RFC 6455 §5.2).
///
/// Only heads are read; payload is skipped by its length. Bytes may come in any pieces. What is no
/// WebSocket at all is followed as if it were: the caller passes it on either way.
public struct FrameTracker: Sendable, BitwiseCopyable {
    /// Bytes of the present frame that are still to come behind its head.
    private var payload: UInt64 = 0
    /// Bytes of the present head that have come, and how many it has as far as is known.
    private var headSeen: UInt8 = 0
    private var headLength: UInt8 = 2
    /// How many of them are the extended length.
    private var lengthBytes: UInt8 = 0
    private var isClose = false
    /// A close frame has gone by, to its end; no data may follow it (RFC 6455 §5.5.1).
    public private(set) var hasClosed = false

    public init() {}

    /// Between two frames: another one may be put in here, were it amidst the fragments of a
    /// message (RFC 6455 §5.4).
    public var isBetweenFrames: Bool { headSeen == 0 }

    /// Follows all of `bytes` from `start` on.
    public mutating func follow(_ bytes: Span<UInt8>, from start: Int = 0) {
        var position = start
        while position < bytes.count { position = finishFrame(bytes, from: position) }
    }

    /// Follows `bytes` from `start` to the end of the present frame or of the bytes, whichever
    /// comes first, and returns that position. Between two frames it follows the next one.
    public mutating func finishFrame(_ bytes: Span<UInt8>, from start: Int = 0) -> Int {
        var position = start
        while headSeen < headLength {
            guard position < bytes.count else { return position }
            note(bytes[position])
            position &+= 1
        }
        let taken = min(payload, UInt64(bytes.count &- position))
        payload &-= taken
        position &+= Int(taken)
        if payload == 0 {
            if isClose { hasClosed = true }
            headSeen = 0
            headLength = 2
        }
        return position
    }

    /// One byte of a head: 2, and up to 8 of extended length, and 4 of a mask.
    private mutating func note(_ byte: UInt8) {
        switch headSeen {
        case 0: isClose = byte & 0x0f == 8
        case 1:
            let length = byte & 0x7f
            lengthBytes = length == 127 ? 8 : length == 126 ? 2 : 0
            payload = lengthBytes == 0 ? UInt64(length) : 0
            headLength = 2 &+ lengthBytes &+ (byte & 0x80 == 0 ? 0 : 4)
        case 2..<(2 &+ lengthBytes): payload = payload << 8 | UInt64(byte)
        default: break
        }
        headSeen &+= 1
    }
}

/// The close frame that says: this server is going away (RFC 6455 §7.4.1, 1001).
public struct GoingAwayFrame: Sendable, BitwiseCopyable {
    private var storage = InlineArray<8, UInt8>(repeating: 0)
    private var count: Int

    /// As a server sends it.
    public init() {
        storage[0] = 0x88
        storage[1] = 2
        storage[2] = 0x03
        storage[3] = 0xe9
        count = 4
    }

    /// As a client sends it: masked with the key, which is the masking key of RFC 6455 §5.3.
    public init(maskedWith key: UInt32) {
        storage[0] = 0x88
        storage[1] = 0x82
        for index in 0..<4 {
            storage[2 + index] = UInt8(truncatingIfNeeded: key >> (24 - 8 * index))
        }
        storage[6] = 0x03 ^ storage[2]
        storage[7] = 0xe9 ^ storage[3]
        count = 8
    }

    /// Its bytes on the wire.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(first: count) }
    }
}
