import TestSupport

/// A frame of HTTP/2 (RFC 9113 §4.1).
struct StreamFrame {
    var kind: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7

    var isAcknowledgement: Bool { flags & 1 != 0 }
}

/// The replica's part of HTTP/2, written by hand.
extension Wire {
    /// Reads the preface and says SETTINGS, with the number of streams that are allowed.
    func beginStreams(maximum: UInt32 = 100) throws {
        _ = try read(count: 24)
        try send(frame: StreamFrame.settings, payload: [0, 3] + maximum.bytes)
    }

    func send(
        frame kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []
    ) throws {
        let count = Array(UInt32(payload.count).bytes.dropFirst())
        let head: [UInt8] = count + [kind, flags] + stream.bytes
        try send(head + payload)
    }

    func nextFrame() throws -> StreamFrame {
        let head = try read(count: 9)
        let count = head[..<3].reduce(0) { $0 << 8 | Int($1) }
        let stream = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
        return StreamFrame(
            kind: head[3], flags: head[4], stream: stream, payload: try read(count: count))
    }

    /// The stream of the next request. What belongs to the connection is answered meanwhile.
    func nextStream() throws -> UInt32 {
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
    func answer(_ stream: UInt32, _ body: String, ends: Bool = true) throws {
        try send(frame: StreamFrame.headers, flags: 4, stream: stream, payload: [0x88])
        try send(
            frame: StreamFrame.data, flags: ends ? 1 : 0, stream: stream,
            payload: Array(body.utf8))
    }

    func reset(_ stream: UInt32, code: UInt32) throws {
        try send(frame: StreamFrame.reset, stream: stream, payload: code.bytes)
    }
}

extension UInt32 {
    fileprivate var bytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
