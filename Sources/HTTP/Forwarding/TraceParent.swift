/// Which trace a request belongs to, and what its parent there is: the `traceparent` of W3C Trace
/// Context, whose sections are named here.
public struct TraceParent: Sendable, Equatable, BitwiseCopyable {
    /// The id of the trace; not both are 0.
    public var traceHigh: UInt64
    public var traceLow: UInt64
    /// Of the parent; not 0.
    public var spanID: UInt64
    public var flags: UInt8

    /// The trace is recorded by whoever sent this.
    public static let sampled: UInt8 = 1
    /// The id of the trace is random (level 2, §3.2.2.5.2).
    public static let random: UInt8 = 2

    public init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.flags = flags
    }

    /// Reads a value of `traceparent` (§3.2); nil if it is none. Of a version to come it reads what
    /// all of them begin with (§4).
    public init?(_ value: Span<UInt8>) {
        guard value.count >= 55, let version = value.hexadecimal(at: 0, digits: 2),
            version != 0xff, value.count == 55 || version > 0 && value[55] == .hyphen,
            value[2] == .hyphen, value[35] == .hyphen, value[52] == .hyphen,
            let high = value.hexadecimal(at: 3, digits: 16),
            let low = value.hexadecimal(at: 19, digits: 16), high | low != 0,
            let span = value.hexadecimal(at: 36, digits: 16), span != 0,
            let flags = value.hexadecimal(at: 53, digits: 2)
        else { return nil }
        self.init(
            traceHigh: high, traceLow: low, spanID: span,
            flags: UInt8(truncatingIfNeeded: flags))
    }

    /// What a request says; nil unless it has exactly one `traceparent`, and that is valid.
    public init?(of head: borrowing RequestHead, from bytes: Span<UInt8>) {
        guard head.facts.seen.contains(.traceparent) else { return nil }
        var value: ByteRange?
        let fields = head.fields.span
        for index in fields.indices where fields[index].id == .traceparent {
            guard value == nil else { return nil }
            value = fields[index].value
        }
        guard let value else { return nil }
        self.init(bytes.extracting(value.indices))
    }

    public var isSampled: Bool { flags & TraceParent.sampled != 0 }
}

/// What an upstream is told about the trace of a request.
public struct TraceForwarding: Sendable, BitwiseCopyable {
    enum Kind: UInt8 { case unchanged, continued, begun }

    let kind: Kind
    let parent: TraceParent

    /// What the client said, whatever that was.
    public static var unchanged: TraceForwarding {
        TraceForwarding(
            kind: .unchanged, parent: TraceParent(traceHigh: 0, traceLow: 0, spanID: 0, flags: 0))
    }

    /// The trace of the client's `traceparent`, with another parent; `tracestate` goes on.
    public static func continued(_ parent: TraceParent) -> TraceForwarding {
        TraceForwarding(kind: .continued, parent: parent)
    }

    /// Another trace than the client spoke of, if it spoke of any.
    public static func begun(_ parent: TraceParent) -> TraceForwarding {
        TraceForwarding(kind: .begun, parent: parent)
    }
}

/// A head that ends with a `traceparent` of weir's, as `writeRequest` leaves it: how far from its
/// end the parts of that begin.
public enum TracedHead {
    private static let traceIDFromEnd = 56
    private static let spanIDFromEnd = 23

    /// The digits of the trace's id.
    @_lifetime(copy head)
    public static func traceID(_ head: Span<UInt8>) -> Span<UInt8> {
        let start = head.count - traceIDFromEnd
        return head.extracting(start..<start + 32)
    }

    /// Names another parent.
    public static func setSpanID(_ id: UInt64, in head: inout MutableSpan<UInt8>) {
        let start = head.count - spanIDFromEnd
        var shift: UInt64 = 64
        for index in start..<start + 16 {
            shift -= 4
            head[index] = (UInt8(truncatingIfNeeded: id &>> shift) & 15).hexDigit
        }
    }
}

extension HeadWriter {
    /// A whole field line, of the only version there is (§3.2.2).
    mutating func append(_ parent: TraceParent) {
        var text = ShortText()
        text.append("00-")
        text.appendAll(hexadecimal: parent.traceHigh)
        text.appendAll(hexadecimal: parent.traceLow)
        text.append(.hyphen)
        text.appendAll(hexadecimal: parent.spanID)
        text.append(.hyphen)
        text.append(hexadecimal: UInt64(parent.flags), digits: 2)
        append("traceparent: ")
        append(text.span)
        append("\r\n")
    }
}

extension UInt8 {
    fileprivate static var hyphen: UInt8 { 0x2d }
}

extension Span where Element == UInt8 {
    /// The number that some digits are, which must be lower-case (§3.2.2); nil if they are none.
    fileprivate func hexadecimal(at start: Int, digits: Int) -> UInt64? {
        var number: UInt64 = 0
        for index in start..<start + digits {
            let byte = self[index]
            let digit =
                switch byte {
                case 0x30...0x39: byte &- 0x30
                case 0x61...0x66: byte &- 0x57
                default: UInt8.max
                }
            guard digit < 16 else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}
