/// The first nine bytes of a frame (RFC 9113 §4.1).
struct FrameHeader: BitwiseCopyable, Equatable {
    enum Kind: UInt8 {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway
        case windowUpdate, continuation
        case unknown = 255
    }

    static let byteCount = 9

    /// Of the payload that follows.
    var length: Int
    var kind: Kind
    var flags: UInt8
    var streamID: Int32

    init(_ bytes: Span<UInt8>) {
        length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        kind = Kind(rawValue: bytes[3]) ?? .unknown
        flags = bytes[4]
        var number: UInt32 = 0
        for index in 5..<9 { number = number << 8 | UInt32(bytes[index]) }
        streamID = Int32(number & 0x7fff_ffff)
    }

    /// Of DATA and HEADERS.
    var endsStream: Bool { flags & 1 != 0 }
    /// Of SETTINGS and PING.
    var isAcknowledgement: Bool { flags & 1 != 0 }
    var isPadded: Bool { flags & 8 != 0 }
}

/// Finds the frames in the bytes of a connection, however they are cut.
struct FrameScanner: BitwiseCopyable {
    private var header = InlineArray<9, UInt8>(repeating: 0)
    private var headerCount = 0
    /// Of the present frame's payload, not yet passed.
    private var remaining = 0
    private var dependency = InlineArray<4, UInt8>(repeating: 0)
    private var dependencyCount = 0
    private var isPriority = false
    /// Of a client's preface, which comes before all frames (RFC 9113 §3.4).
    private var prefaceRemaining: Int

    /// - Parameter skipping: bytes that are no frame, at the front.
    init(skipping count: Int) { prefaceRemaining = count }

    /// How many bytes from `start` belong together, and the header of a frame if its last byte is
    /// the first of them to complete it. They end with the frame or with `bytes`.
    mutating func next(_ bytes: Span<UInt8>, from start: Int) -> (count: Int, frame: FrameHeader?) {
        let available = bytes.count - start
        if prefaceRemaining > 0 {
            let count = min(prefaceRemaining, available)
            prefaceRemaining -= count
            return (count, nil)
        }
        if headerCount == FrameHeader.byteCount {
            return (takePayload(available), nil)
        }
        let count = min(FrameHeader.byteCount - headerCount, available)
        for offset in 0..<count { header[headerCount + offset] = bytes[start + offset] }
        headerCount += count
        guard headerCount == FrameHeader.byteCount else { return (count, nil) }
        let frame = FrameHeader(header.span)
        remaining = frame.length
        isPriority = frame.kind == .priority
        dependencyCount = 0
        return (count + takePayload(available - count), frame)
    }

    /// What is wrong with a PRIORITY frame, if the present one is one: libnghttp2 does not look at
    /// them (RFC 9113 §6.3, RFC 7540 §5.3.1).
    ///
    /// - Parameter part: the bytes that the last `next` was about.
    mutating func errorInPriority(_ part: Span<UInt8>, hasHeader: Bool) -> UInt32? {
        guard isPriority else { return nil }
        let frame = FrameHeader(header.span)
        guard frame.streamID != 0 else { return HTTP2Error.protocolError }
        guard frame.length == 5 else { return HTTP2Error.frameSizeError }
        var index = hasHeader ? part.count - (frame.length - remaining) : 0
        while index < part.count, dependencyCount < 4 {
            dependency[dependencyCount] = part[index]
            dependencyCount += 1
            index += 1
        }
        guard dependencyCount == 4 else { return nil }
        isPriority = false
        var number: UInt32 = 0
        for index in 0..<4 { number = number << 8 | UInt32(dependency[index]) }
        let isOwn = Int32(number & 0x7fff_ffff) == frame.streamID
        return isOwn ? HTTP2Error.protocolError : nil
    }

    private mutating func takePayload(_ available: Int) -> Int {
        let count = min(remaining, available)
        remaining -= count
        if remaining == 0 { headerCount = 0 }
        return count
    }
}

/// The streams that a client has opened last, and those that weir has reset, so that a late frame
/// can be told from a wrong one (RFC 9113 §5.1).
struct StreamMemory: BitwiseCopyable {
    static let openedMaximum = 64
    static let resetMaximum = 256
    private var opened = InlineArray<64, Int32>(repeating: 0)
    private var reset = InlineArray<256, Int32>(repeating: 0)
    private var openedCount = 0
    private var resetCount = 0
    private(set) var lastOpened: Int32 = 0

    mutating func noteOpened(_ streamID: Int32) {
        guard streamID > lastOpened else { return }
        lastOpened = streamID
        opened[openedCount % StreamMemory.openedMaximum] = streamID
        openedCount += 1
    }

    mutating func noteReset(_ streamID: Int32) {
        reset[resetCount % StreamMemory.resetMaximum] = streamID
        resetCount += 1
    }

    func wasOpened(_ streamID: Int32) -> Bool {
        for index in opened.indices where opened[index] == streamID { return true }
        return false
    }

    func wasReset(_ streamID: Int32) -> Bool {
        for index in reset.indices where reset[index] == streamID { return true }
        return false
    }
}
