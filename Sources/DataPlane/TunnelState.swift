internal import HTTP

/// How far a tunnel has come to its end, and which of its bytes still pass.
///
/// Usually a tunnel ends when its two sides do. That of a draining replica is *ending* from its
/// moment on: each side is told, which is a close frame between two frames of a WebSocket and
/// nothing at all otherwise, and what the other side sends from then on is thrown away.
struct TunnelState {
    enum Side { case client, upstream }
    static let never = UInt64.max

    /// Its frames are followed, so that a close frame can be put in between two.
    var isWebSocket = false
    var hasPassedClientEnd = false
    var hasPassedUpstreamEnd = false
    /// Its moment has come.
    private(set) var isEnding = false
    /// Its moment, in monotonic nanoseconds; far away while its replica is not being drained.
    var endsAtNanoseconds = TunnelState.never
    private var fromClient = Direction()
    private var fromUpstream = Direction()

    /// All that this side will be sent is on its way.
    var hasToldClient: Bool { fromUpstream.isOver }
    var hasToldUpstream: Bool { fromClient.isOver }

    /// Takes notice of bytes, and returns how many of them, from the first one, are to be passed
    /// on.
    @discardableResult
    mutating func follow(_ bytes: Span<UInt8>, from side: Side) -> Int {
        guard isWebSocket else { return isEnding ? 0 : bytes.count }
        return side == .client
            ? fromClient.follow(bytes, isEnding: isEnding)
            : fromUpstream.follow(bytes, isEnding: isEnding)
    }

    /// Its moment has come.
    mutating func end() {
        isEnding = true
        endsAtNanoseconds = TunnelState.never
        fromClient.end()
        fromUpstream.end()
    }

    /// What to do about a side that may have to be told.
    enum Telling: Equatable {
        /// It knows, or the frame it is being sent is not over.
        case nothing
        /// It gets nothing more.
        case silence
        /// It gets a close frame, and nothing more.
        case closeFrame
    }

    /// Call it after bytes were passed on, and when the end begins.
    mutating func tellClient() -> Telling { fromUpstream.tell(isWebSocket) }

    mutating func tellUpstream() -> Telling { fromClient.tell(isWebSocket) }

    /// Both sides of a WebSocket have answered with their own close frame, or sent FIN.
    func hasAnswers(clientEnded: Bool, upstreamEnded: Bool) -> Bool {
        (clientEnded || fromClient.frames.hasClosed)
            && (upstreamEnded || fromUpstream.frames.hasClosed)
    }

    /// What comes from one side, and goes to the other.
    private struct Direction {
        var frames = FrameTracker()
        /// Nothing more passes.
        private(set) var isOver = false
        /// The last frame has passed.
        private var isDue = false
        /// It was a close frame.
        private var hasPassedClose = false

        mutating func follow(_ bytes: Span<UInt8>, isEnding: Bool) -> Int {
            var passed = 0
            if !isEnding {
                passed = bytes.count
                frames.follow(bytes)
            } else if !isDue {
                passed = frames.finishFrame(bytes)
                end()
            }
            frames.follow(bytes, from: passed)
            return passed
        }

        /// Nothing passes but the rest of the present frame.
        mutating func end() {
            guard frames.isBetweenFrames else { return }
            isDue = true
            hasPassedClose = frames.hasClosed
        }

        mutating func tell(_ isWebSocket: Bool) -> Telling {
            guard isDue, !isOver else { return .nothing }
            isOver = true
            return isWebSocket && !hasPassedClose ? .closeFrame : .silence
        }
    }
}
