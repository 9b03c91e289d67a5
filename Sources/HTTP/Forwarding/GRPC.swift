/// The codes that a gRPC call can end with, as far as weir makes them itself.
public enum GRPCStatus: UInt8, Sendable {
    case cancelled = 1
    case deadlineExceeded = 4
    case resourceExhausted = 8
    case unimplemented = 12
    case internalError = 13
    case unavailable = 14
}

/// What a request says of itself if it is a gRPC call.
public struct GRPCCall: Sendable, BitwiseCopyable {
    /// How long the client waits; nil: it does not say.
    public let timeoutNanoseconds: UInt64?

    /// Nil if the head, which was parsed from `bytes`, is not that of a call. What gRPC-Web sends
    /// is none: its answers look different.
    public init?(_ head: borrowing RequestHead, from bytes: Span<UInt8>) {
        guard head.method == .post,
            let type = head.fields.span.first(.contentType),
            GRPCCall.isCall(bytes.extracting(Int(type.start)..<Int(type.end)))
        else { return nil }
        let name: InlineArray<12, UInt8> = GRPCCall.timeoutName
        let timeout = head.fields.span.value(name.span, in: bytes)
        guard let timeout else {
            timeoutNanoseconds = nil
            return
        }
        timeoutNanoseconds = GRPCCall.nanoseconds(
            bytes.extracting(Int(timeout.start)..<Int(timeout.end)))
    }

    /// `grpc-timeout`
    private static let timeoutName: InlineArray<12, UInt8> = [
        0x67, 0x72, 0x70, 0x63, 0x2d, 0x74, 0x69, 0x6d, 0x65, 0x6f, 0x75, 0x74,
    ]

    /// `application/grpc`, alone, with a suffix such as `+proto`, or with parameters.
    static func isCall(_ type: Span<UInt8>) -> Bool {
        let count = 16
        guard type.count >= count, FoldedName(type, 0, count) == "application/grpc" else {
            return false
        }
        guard type.count > count else { return true }
        return [UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: " ")].contains(type[count])
    }

    /// A year. Who waits longer waits for ever.
    private static let timeoutMaximum: UInt64 = 8_760 * 3_600_000_000_000

    /// Up to eight digits and a unit, such as `250m` for 250 ms; nil for anything else, and for
    /// what is too long to count.
    static func nanoseconds(_ text: Span<UInt8>) -> UInt64? {
        guard (2...9).contains(text.count) else { return nil }
        var number: UInt64 = 0
        for index in 0..<text.count - 1 {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number * 10 + UInt64(digit)
        }
        let unit: UInt64
        switch text[text.count - 1] {
        case UInt8(ascii: "H"): unit = 3_600_000_000_000
        case UInt8(ascii: "M"): unit = 60_000_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "u"): unit = 1_000
        case UInt8(ascii: "n"): unit = 1
        default: return nil
        }
        let (nanoseconds, overflows) = number.multipliedReportingOverflow(by: unit)
        return overflows || nanoseconds > timeoutMaximum ? nil : nanoseconds
    }
}
