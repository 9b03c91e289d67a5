/// What a request is called in the logs of all who handle it: 32 hexadecimal digits of our own, or
/// what a trusted client called it.
public struct RequestID: Sendable, BitwiseCopyable {
    private(set) var text = ShortText()

    /// An id of our own from 128 random bits.
    public init(high: UInt64, low: UInt64) {
        text.appendAll(hexadecimal: high)
        text.appendAll(hexadecimal: low)
    }

    /// The X-Request-ID of a request; nil unless it has exactly one, of at most 64 letters, digits
    /// and `-._:+/=~@`.
    public init?(of head: borrowing RequestHead, from bytes: Span<UInt8>) {
        var value = ByteRange.none
        let fields = head.fields.span
        for index in fields.indices where fields[index].id == .xRequestID {
            guard value.isEmpty else { return nil }
            value = fields[index].value
        }
        guard !value.isEmpty, value.count <= ShortText.capacity else { return nil }
        for index in value.indices {
            guard bytes[index].belongs(to: ByteClass.requestID) else { return nil }
            text.append(bytes[index])
        }
    }

    /// The characters, for a log line.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { text.span }
    }
}

extension RequestID: CustomStringConvertible {
    public var description: String { text.description }
}
