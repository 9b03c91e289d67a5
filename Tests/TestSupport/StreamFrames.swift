/// A frame of HTTP/2 (RFC 9113 §4.1).
public struct StreamFrame: Sendable {
    public var kind: UInt8
    public var flags: UInt8
    public var stream: UInt32
    public var payload: [UInt8]

    public static let data: UInt8 = 0
    public static let headers: UInt8 = 1
    public static let reset: UInt8 = 3
    public static let settings: UInt8 = 4
    public static let ping: UInt8 = 6
    public static let goAway: UInt8 = 7
    public static let windowUpdate: UInt8 = 8

    public var isAcknowledgement: Bool { flags & 1 != 0 }
    /// Of DATA and HEADERS.
    public var endsStream: Bool { flags & 1 != 0 }
    /// The first four bytes of the payload.
    public var number: UInt32 { payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
}

/// The replica's part of HTTP/2, written by hand.
extension Wire {
    /// Reads the preface and says SETTINGS, with the number of streams that are allowed.
    public func beginStreams(maximum: UInt32 = 100) throws {
        _ = try read(count: 24)
        try send(frame: StreamFrame.settings, payload: [0, 3] + maximum.bytes)
    }

    public func send(
        frame kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []
    ) throws {
        let count = Array(UInt32(payload.count).bytes.dropFirst())
        let head: [UInt8] = count + [kind, flags] + stream.bytes
        try send(head + payload)
    }

    public func nextFrame() throws -> StreamFrame {
        let head = try read(count: 9)
        let count = head[..<3].reduce(0) { $0 << 8 | Int($1) }
        let stream = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
        return StreamFrame(
            kind: head[3], flags: head[4], stream: stream, payload: try read(count: count))
    }

    /// The stream of the next request. What belongs to the connection is answered meanwhile.
    public func nextStream() throws -> UInt32 {
        while true {
            let frame = try nextFrame()
            switch frame.kind {
            case StreamFrame.headers: return frame.stream
            case StreamFrame.settings where !frame.isAcknowledgement:
                try send(frame: frame.kind, flags: 1)
            case StreamFrame.ping where !frame.isAcknowledgement:
                try send(frame: frame.kind, flags: 1, payload: frame.payload)
            default: break
            }
        }
    }

    /// A 200 with a body; without its end, if more is to come.
    public func answer(_ stream: UInt32, _ body: String, ends: Bool = true) throws {
        try send(frame: StreamFrame.headers, flags: 4, stream: stream, payload: [0x88])
        try send(
            frame: StreamFrame.data, flags: ends ? 1 : 0, stream: stream,
            payload: Array(body.utf8))
    }

    public func reset(_ stream: UInt32, code: UInt32) throws {
        try send(frame: StreamFrame.reset, stream: stream, payload: code.bytes)
    }
}

extension UInt32 {
    fileprivate var bytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
