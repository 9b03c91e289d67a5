import Testing

@testable import HTTP

@Suite("Following the frames of a WebSocket")
struct FrameTrackerTests {
    /// A frame as either side sends it.
    static func frame(opcode: UInt8 = 2, payload: Int, isMasked: Bool) -> [UInt8] {
        var bytes: [UInt8] = [0x80 | opcode]
        let mask: UInt8 = isMasked ? 0x80 : 0
        if payload < 126 {
            bytes.append(mask | UInt8(payload))
        } else if payload < 65_536 {
            bytes += [mask | 126, UInt8(payload >> 8), UInt8(payload & 255)]
        } else {
            bytes.append(mask | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload >> (56 - 8 * $0)) }
        }
        if isMasked { bytes += [1, 2, 3, 4] }
        // Payload that looks like heads, to whoever loses count.
        return bytes + (0..<payload).map { UInt8(truncatingIfNeeded: 0x88 &+ $0 % 3) }
    }

    static let payloads = [0, 1, 2, 125, 126, 127, 300, 65_535, 65_536, 70_000]

    @Test("Every frame ends where it ends, split at every byte", arguments: [false, true])
    func split(isMasked: Bool) {
        let frames = [0, 1, 125, 126, 300].map {
            FrameTrackerTests.frame(payload: $0, isMasked: isMasked)
        }
        var ends: Set<Int> = [0]
        for frame in frames { ends.insert((ends.max() ?? 0) + frame.count) }
        let bytes = frames.flatMap { $0 }
        for cut in 0...bytes.count {
            var tracker = FrameTracker()
            tracker.follow(all: bytes[..<cut])
            #expect(tracker.isBetweenFrames == ends.contains(cut), "cut at \(cut)")
            tracker.follow(all: bytes[cut...])
            #expect(tracker.isBetweenFrames && !tracker.hasClosed, "cut at \(cut)")
        }
        var slowly = FrameTracker()
        for index in bytes.indices {
            slowly.follow(all: bytes[index...index])
            #expect(slowly.isBetweenFrames == ends.contains(index + 1), "byte \(index)")
        }
    }

    @Test("Heads of every length are known", arguments: payloads)
    func lengths(payload: Int) {
        for isMasked in [false, true] {
            let frame = FrameTrackerTests.frame(payload: payload, isMasked: isMasked)
            var tracker = FrameTracker()
            #expect(tracker.finish(in: frame + [0x82]) == frame.count)
            #expect(tracker.isBetweenFrames)
            tracker.follow(all: frame.dropLast())
            #expect(!tracker.isBetweenFrames)
        }
    }

    @Test("The present frame is finished and the next one is left alone")
    func finish() {
        let frames = FrameTrackerTests.frame(payload: 10, isMasked: false)
        let two = frames + frames
        for cut in 1..<frames.count {
            var tracker = FrameTracker()
            tracker.follow(all: two[..<cut])
            #expect(tracker.finish(in: two[cut...]) == frames.count - cut)
            #expect(tracker.isBetweenFrames)
        }
    }

    @Test("A close frame is noticed at its end, not before")
    func close() {
        let close = FrameTrackerTests.frame(opcode: 8, payload: 2, isMasked: true)
        var tracker = FrameTracker()
        for (index, _) in close.enumerated() {
            #expect(!tracker.hasClosed)
            tracker.follow(all: close[index...index])
        }
        #expect(tracker.hasClosed)
    }

    @Test("A length beyond all measure is waited for, not stumbled over")
    func huge() {
        var tracker = FrameTracker()
        tracker.follow(all: [0x82, 127] + [UInt8](repeating: 255, count: 8))
        tracker.follow(all: [UInt8](repeating: 0x88, count: 1_000))
        #expect(!tracker.isBetweenFrames && !tracker.hasClosed)
    }

    @Test("The frame that is put in is one close frame with 1001, for either side")
    func goingAway() {
        let plain = GoingAwayFrame()
        let masked = GoingAwayFrame(maskedWith: 0xa1b2_c3d4)
        let ours = plain.all
        let theirs = masked.all
        #expect(ours == [0x88, 2, 0x03, 0xe9])
        #expect(theirs.count == 8 && theirs[..<2] == [0x88, 0x82])
        #expect(theirs[6] ^ theirs[2] == 0x03 && theirs[7] ^ theirs[3] == 0xe9)
        for frame in [plain, masked] {
            var tracker = FrameTracker()
            tracker.follow(frame.bytes)
            let isOver = tracker.hasClosed && tracker.isBetweenFrames
            #expect(isOver)
        }
    }
}

extension FrameTracker {
    fileprivate mutating func follow(all bytes: some Sequence<UInt8>) {
        let array = Array(bytes)
        follow(array.span)
    }

    fileprivate mutating func finish(in bytes: some Sequence<UInt8>) -> Int {
        let array = Array(bytes)
        return finishFrame(array.span)
    }
}

extension GoingAwayFrame {
    fileprivate var all: [UInt8] { bytes.indices.map { bytes[$0] } }
}
