/// What a client may send that costs it less than it costs weir, each kind on an allowance of its
/// own that refills with time. Who has spent one is disconnected (RFC 9113 §10.5).
struct FloodGuard: BitwiseCopyable {
    /// So much at once, and so much more each second.
    struct Allowance: BitwiseCopyable {
        let burst: Int
        let perSecond: Int
        private var spent = 0
        private var since: UInt64 = 0

        init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }

        /// False when there is none left.
        mutating func spend(at milliseconds: UInt64) -> Bool {
            let earned = Int(clamping: milliseconds &- since) * perSecond / 1_000
            if earned > 0 {
                spent = max(0, spent - earned)
                since = milliseconds
            }
            spent += 1
            return spent <= burst
        }

        mutating func earn(_ count: Int) { spent = max(0, spent - count) }
    }

    /// Frames of one header block, behind its HEADERS.
    static let continuationsMaximum = 8

    /// Streams that the client resets before they are answered (CVE-2023-44487), and streams that
    /// are reset since the client broke a rule.
    private var resets = Allowance(burst: 500, perSecond: 100)
    private var pings = Allowance(burst: 200, perSecond: 50)
    private var settings = Allowance(burst: 50, perSecond: 5)
    /// DATA without a byte that neither ends a stream.
    private var emptyData = Allowance(burst: 100, perSecond: 10)
    /// Frames that ask for nothing: PRIORITY, PRIORITY_UPDATE, those of unknown types.
    private var others = Allowance(burst: 1_000, perSecond: 100)
    /// Credit for what was sent earns some; a byte at a time does not.
    private var windowUpdates = Allowance(burst: 1_000, perSecond: 100)
    private var continuations = 0

    /// Takes notice of a frame's header; false when it is one too many.
    mutating func admit(_ frame: FrameHeader, at milliseconds: UInt64) -> Bool {
        switch frame.kind {
        case .headers, .pushPromise:
            continuations = 0
            return true
        case .continuation:
            continuations += 1
            return continuations <= FloodGuard.continuationsMaximum
        case .data:
            // Padding is no content.
            let isEmpty = frame.length == 0 || frame.isPadded && frame.length <= 256
            return !isEmpty || frame.endsStream || emptyData.spend(at: milliseconds)
        case .resetStream: return resets.spend(at: milliseconds)
        case .settings: return frame.isAcknowledgement || settings.spend(at: milliseconds)
        case .ping: return frame.isAcknowledgement || pings.spend(at: milliseconds)
        case .windowUpdate: return windowUpdates.spend(at: milliseconds)
        default: return others.spend(at: milliseconds)
        }
    }

    /// A stream was reset for what the client did on it.
    mutating func admitError(at milliseconds: UInt64) -> Bool { resets.spend(at: milliseconds) }

    /// A DATA frame was sent, which the client may answer with more credit.
    mutating func noteSent(_ bytes: Int, ends: Bool) {
        windowUpdates.earn((ends ? 4 : 0) + bytes / 1_024)
    }

    /// A stream has come to its proper end.
    mutating func noteAnswered() { resets.earn(1) }
}
