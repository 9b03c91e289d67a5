/// One stream of a session, from its first event until it is closed and released.
public struct HTTP2Stream: Equatable, Sendable, BitwiseCopyable {
    let index: Int32
    /// No stream.
    public static let none = HTTP2Stream(index: -1)
}

/// Error codes (RFC 9113 §7) that weir gives or tells apart.
public enum HTTP2Error {
    public static let none: UInt32 = 0
    public static let protocolError: UInt32 = 1
    public static let internalError: UInt32 = 2
    public static let streamClosed: UInt32 = 5
    public static let frameSizeError: UInt32 = 6
    public static let refusedStream: UInt32 = 7
    public static let cancel: UInt32 = 8
    public static let enhanceYourCalm: UInt32 = 11
}

/// What a session announces at its start.
public struct HTTP2Settings: Sendable {
    /// Streams that the other side may have open at once; of no meaning to a client session.
    public var streamsMaximum = 256
    /// Bytes that may be under way to us, for a stream and for all of them.
    public var streamWindowBytes: Int32 = 65_535
    public var connectionWindowBytes: Int32 = 4_194_304
    /// As RFC 9113 §6.5.2 counts them; a block with more is answered with 431.
    public var headerListBytesMaximum = 32_768
    public init() {}
}

/// What came of some bytes. Text is in the session's `head` until the next call.
///
/// `user` is the number that the stream was attached with; streams without one are not reported.
public enum HTTP2Event: Sendable {
    /// Nothing that concerns anybody but the session.
    case nothing
    /// To a server: the head of a request as HTTP/1.1 text. Attach the stream, or reset it.
    case request(HTTP2Stream, ends: Bool)
    /// The same, but the head is larger than was announced, and there is no text.
    case largeRequest(HTTP2Stream, ends: Bool)
    /// To a client: the head of a response, interim or final, as HTTP/1.1 text.
    case response(user: UInt64, ends: Bool)
    case largeResponse(user: UInt64)
    /// Bytes of a body, by their place in what was received. Return them with `consume`.
    case data(user: UInt64, Range<Int>, ends: Bool)
    /// The lines of a trailer section, and the end of the stream. Ask whether the session
    /// `lacksHead`.
    case trailers(user: UInt64)
    /// The other side has changed its settings: more or fewer streams are allowed.
    case settings
    /// The other side takes no new streams.
    case goingAway
}

/// A stream that is over for the session; `code` is none after a proper end.
public struct HTTP2Closed: Sendable, BitwiseCopyable {
    public let user: UInt64
    public let code: UInt32
    /// This side has reset it, for what the other one sent.
    public var isResetHere = false
}

/// What is to be sent next.
public enum HTTP2Output: Sendable, BitwiseCopyable {
    case nothing
    /// That many bytes were written.
    case bytes(Int)
    /// The same, and they are the header of a DATA frame: `count` bytes of the body that was
    /// offered for the stream must follow at once.
    case data(Int, user: UInt64, count: Int)
}
